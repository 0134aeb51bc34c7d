"""The packages of the wheel. Apart from pyproject.toml, which cannot install a folder under another name.

Four rooms stay at the top level of the repository and are installed inside the one package: `workflows/` as
`airunway.workflows`, and so on.
"""

from setuptools import find_packages, setup

ROOMS = ("workflows", "activities", "workers", "providers")

setup(
    package_dir={f"airunway.{room}": room for room in ROOMS},
    packages=[
        *find_packages(include=["airunway", "airunway.*"]),
        *(f"airunway.{name}" for room in ROOMS for name in find_packages(include=[room, f"{room}.*"])),
    ],
)

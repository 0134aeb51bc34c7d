"""For every test: the fixtures of real servers, and property tests that no slow machine fails.

A server starts at the first test that asks for it.
"""

from hypothesis import HealthCheck, settings

pytest_plugins = ["kube_emulator.envtest.fixtures", "tests.servers.fixtures"]

# Hypothesis would fail what takes longer than 200 ms, or whose examples are made slowly.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

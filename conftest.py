"""Makes the real servers' fixtures known to every test; a server starts at the first test that asks for
it.
"""

pytest_plugins = ["kube_emulator.envtest.fixtures", "tests.servers.fixtures"]

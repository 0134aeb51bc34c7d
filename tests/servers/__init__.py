"""The real servers, started on free loopback ports for tests, benchmarks and developers.

Binaries come from `tools/real/build.py`, PostgreSQL from the system. Tests take them through
`fixtures`; `python -m tests.servers` runs them by hand.
"""

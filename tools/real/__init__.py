"""The real servers the tests can run against, built from pinned Go modules."""

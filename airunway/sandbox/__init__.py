"""The embedded default: what a machine without a cluster needs to run the whole system."""

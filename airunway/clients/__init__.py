"""Adapters to the outside: Kubernetes, image registries. Each speaks one protocol, with its own errors."""

"""Providers: pure packages that turn a ModelDeployment into upstream objects and read their state back."""

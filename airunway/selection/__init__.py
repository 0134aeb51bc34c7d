"""Deciding: defaults, validity, engine and provider of a ModelDeployment. Pure: no clock, no network."""

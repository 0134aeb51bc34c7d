"""Tests of the registries' client."""

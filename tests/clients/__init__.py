"""Adapters to the outside, against local servers."""

"""Dynamo's pure functions."""

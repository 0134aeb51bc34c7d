"""Temporal as our processes reach it: where, as whom, what is encrypted, searchable and measured."""

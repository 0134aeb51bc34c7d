"""Answers of the reference implementation, and whether ours agree."""

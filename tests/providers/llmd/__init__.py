"""llm-d's pure functions."""

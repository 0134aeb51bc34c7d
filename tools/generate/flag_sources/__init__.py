"""Readers of engines' sources, for `tools.generate.engine_flags`: which flags there are, and their kinds."""

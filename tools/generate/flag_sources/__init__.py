"""Readers of the source of engines, for `tools.generate.engine_flags`: which flags there are, and their kinds."""

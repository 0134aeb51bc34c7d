"""The life of one model image."""

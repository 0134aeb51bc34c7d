"""Processes: worker, watcher, command line, and their settings."""

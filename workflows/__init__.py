"""Workflows: orchestration only, deterministic and replayable."""

"""Developers' tools: nothing here is shipped, and nothing shipped imports it."""

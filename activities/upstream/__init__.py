"""Steps on a provider's objects: render, apply, read, diagnose."""

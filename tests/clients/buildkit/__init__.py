"""BuildKit's client."""

"""Model images: what they are called, what goes into them, and where they are kept. Pure."""

"""The wire contract of `airunway.ai/v1alpha1`: types, names and nothing that acts on them."""

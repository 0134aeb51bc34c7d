"""Steps that build the image of a model."""

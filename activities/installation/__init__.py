"""Steps that install a provider's operator."""

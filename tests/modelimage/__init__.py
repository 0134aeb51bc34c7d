"""Names, choice and make-up of model images."""

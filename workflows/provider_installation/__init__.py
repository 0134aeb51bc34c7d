"""A provider's installation."""

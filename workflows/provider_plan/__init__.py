"""What an operation on a provider would do."""

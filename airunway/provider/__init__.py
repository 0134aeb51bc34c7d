"""What a provider is, for those who write one: contract, rendering helpers, contract tests."""

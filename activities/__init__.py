"""Activities: thin steps that call `selection`, `providers` and `clients` and sort their errors."""

"""How running models are published behind a Gateway: naming, choice, plans, guards, objects; pure."""

"""The providers' pure functions: objects, states, registrations, diagnoses."""

"""What this system measures: every metric's definition, and the text that Prometheus reads.

A room of its own because workflows, activities, workers and webhook all count here, and nothing is imported.
"""

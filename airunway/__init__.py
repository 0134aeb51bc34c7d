"""AI Runway's control plane for language models on Kubernetes, as Temporal workflows."""

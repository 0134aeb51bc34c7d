"""The life of one ModelDeployment."""

"""KubeRay's pure functions."""

"""The admission webhooks: defaulting and validation of ModelDeployments over HTTPS (crds.md §4)."""

"""Publishing deployments behind a Gateway: thin steps over the pure room `airunway.gateway`."""

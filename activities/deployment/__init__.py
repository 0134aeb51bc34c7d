"""Steps of a deployment: read and decide, write its status, let go of it."""

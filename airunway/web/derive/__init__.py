"""What the answers of the HTTP API say, from objects of the cluster (web-api.md §6). Pure."""

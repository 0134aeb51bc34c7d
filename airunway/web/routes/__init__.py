"""AI Runway's HTTP API (web-api.md §3), a file a group of endpoints."""

"""The REST API, health checks and usage, served by twisted.web."""

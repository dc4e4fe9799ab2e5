"""Prometheus: what there is to read, how it is written, and the port it is served on (http-api.md 11)."""

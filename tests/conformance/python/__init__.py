"""Scenarios for Python packages, each run as a script of its own."""

"""The daemon as a user starts it."""

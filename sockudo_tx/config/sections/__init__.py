"""The declared sections of the configuration, by theme; `schema.py` puts them together."""

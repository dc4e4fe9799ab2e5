"""Drivers, one folder a technology; each imports its library lazily."""

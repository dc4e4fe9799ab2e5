"""Unit tests of the load generator."""

"""The REST side, piece by piece."""

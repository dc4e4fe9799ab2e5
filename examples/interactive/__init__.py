"""A page to try everything by hand and to watch every frame."""

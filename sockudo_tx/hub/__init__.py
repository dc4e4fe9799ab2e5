"""The hub: the parent of the workers of one machine, which shares one truth among them (scaling.md 7.3)."""

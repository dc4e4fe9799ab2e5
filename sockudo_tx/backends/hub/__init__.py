"""The hub of this machine: what its workers share, reached over one socket each (scaling.md 7.3)."""

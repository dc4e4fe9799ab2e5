"""State kept in a file of this machine, with SQLite of the standard library."""

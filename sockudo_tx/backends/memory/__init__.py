"""State kept in this process: the model every other driver is held to."""

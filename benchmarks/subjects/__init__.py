"""Programs that are measured, and the audiences that receive from them; each runs as a process of its own."""

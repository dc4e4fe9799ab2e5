"""The server's decisions: what happens to sockets, channels and users. Knows interfaces, never a driver."""

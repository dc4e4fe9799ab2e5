"""A load generator: raw sockets that subscribe, signed events that are published, and what became of them."""

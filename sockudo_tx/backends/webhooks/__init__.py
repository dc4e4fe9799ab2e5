"""Making webhook deliveries."""

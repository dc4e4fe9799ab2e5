"""Applications that use the server the way any Pusher application does. Each starts with one command."""

"""A chat room: who is here, messages, and who is typing."""

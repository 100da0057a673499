"""When to send a call again, and how fast to send the next."""

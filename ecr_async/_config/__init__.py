"""With which settings a session works: arguments, environment, shared files, endpoint rules."""

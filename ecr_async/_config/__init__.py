"""The settings of a session: arguments, environment, shared files, endpoint rules."""

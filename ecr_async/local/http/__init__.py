"""HTTP from the server's side: connections, bodies, TLS, and how all of it misbehaves on demand."""

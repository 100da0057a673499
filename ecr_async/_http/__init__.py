"""HTTP: the connection pool, routes to endpoints, deadlines."""

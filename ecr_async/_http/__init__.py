"""Over what a call goes: the connection pool, the way to an endpoint, deadlines."""

"""Authentication: credentials and their sources, signatures, the service's clock."""

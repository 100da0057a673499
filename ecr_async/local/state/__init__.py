"""Where the embedded ECR keeps what it knows: rows in SQLite, files beside them, sealed tokens."""

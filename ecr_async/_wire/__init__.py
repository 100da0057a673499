"""Serialization: typed requests to awsJson1.1, and awsJson1.1 to typed responses."""

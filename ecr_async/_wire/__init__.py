"""What a call is in bytes: awsJson1.1, from typed requests and to typed responses."""

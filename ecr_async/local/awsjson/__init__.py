"""Requests of ECR's API as they come in: awsJson1.1, read strictly, long blobs while they arrive."""

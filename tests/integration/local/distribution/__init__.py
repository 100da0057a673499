"""The OCI distribution API of the embedded ECR."""

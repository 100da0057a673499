"""Images in repositories: what ECR's layer operations and signed URLs move."""

"""An asyncio client library for Amazon ECR."""

__version__ = "0.1.0"

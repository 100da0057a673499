"""The exception that names the place of a fault in a request or a response."""

__all__ = ["IS_REQUIRED", "InvalidError"]

IS_REQUIRED = "is required"
"""The limit that a missing member violates."""


class InvalidError(Exception):
    """A violated constraint. Each enclosing encoder or decoder prepends its step to `path`."""

    def __init__(self, limit: str, path: str = "") -> None:
        super().__init__(limit)
        self.limit = limit
        self.path = path

    def under(self, step: str) -> "InvalidError":
        """Prepend a step to the path: a field's name, or an index in brackets."""
        separator = "" if not self.path or self.path.startswith("[") else "."
        self.path = f"{step}{separator}{self.path}"
        return self

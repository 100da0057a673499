"""Errors of documents that should be events."""

from ecr_async.errors import ECRError

__all__ = ["EventError"]


class EventError(ECRError, ValueError):
    """A document that holds no event, or an event whose members have the wrong types.

    `path` names the member (`detail.repository-name`), or is `document` if there is no event at all;
    `reason` says what is wrong with it. Neither repeats the document's text, which may hold anything.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

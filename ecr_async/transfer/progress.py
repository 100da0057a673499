"""How far a transfer has come."""

from typing import Protocol

__all__ = ["Progress"]


class Progress(Protocol):
    """Receives how far each layer and configuration has come; a function with these parameters will do.

        await ecr.push_image(service, "layout/", "team/app", progress=lambda digest, done, total: ...)

    Called on the event loop, once as a blob begins (with what an interrupted transfer had left, or with
    `done == total` for one that is there already), and again after each part.
    """

    def __call__(self, digest: str, done: int, total: int, /) -> object:
        """Take note that `done` of the `total` bytes of a blob are at their destination."""
        ...

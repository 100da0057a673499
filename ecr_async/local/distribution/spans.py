"""Which of a blob's bytes a request's body says that it is."""

import re

import attrs
from aiohttp import web

from ecr_async.local.distribution import rejections

__all__ = ["Span"]

CONTENT_RANGE = re.compile(r"(?:bytes )?(\d{1,18})-(\d{1,18})(?:/\S+)?")


@attrs.frozen
class Span:
    """The bytes of the blob that a chunk says it is."""

    first: int
    size: int

    @classmethod
    def of(cls, request: web.Request) -> "Span | None":
        """Return what the request's Content-Range says, if it has one."""
        given = request.headers.get("Content-Range")
        if given is None:
            return None
        found = CONTENT_RANGE.fullmatch(given)
        first, last = (int(found[1]), int(found[2])) if found else (0, -1)
        if last < first:
            raise rejections.bad_content_range(given)
        size = last - first + 1
        if request.content_length not in (None, size):
            raise rejections.length_of_another_range(request.content_length, given)
        return cls(first, size)

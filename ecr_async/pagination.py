"""Pages: one after the other, the next fetched while you work on this one."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from ecr_async._arguments import check_kinds, check_number
from ecr_async.errors import PaginationError, ValidationError
from ecr_async.service import Service, check_services

__all__ = ["PageTokens", "Pager"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ItemT = TypeVar("ItemT")


class Pager(Generic[RequestT, ResponseT, ItemT]):
    """The pages of one request, and the items on them.

    `async for item in pager` gives the items, `async for page in pager.pages()` the whole responses.
    Both make calls only as you iterate, and at most one page ahead of you. A pager can be iterated over
    again; it starts from the same place.

    `resume_token` marks the place that was reached, from which a later pager can continue.
    """

    def __init__(
        self,
        fetch: Callable[[Service, RequestT], Awaitable[ResponseT]],
        service: Service,
        request: RequestT,
        items: Callable[[ResponseT], Sequence[ItemT]],
        max_items: int | None = None,
        resume_token: str | None = None,
    ) -> None:
        check_services(service=service)
        check_kinds(str | None, resume_token=resume_token)
        if max_items is not None:
            check_number("max_items", max_items, least=1, whole=True)
        if not hasattr(request, "next_token"):
            raise ValidationError("request", f"must be one that has pages, not {type(request).__name__}")
        self._fetch = fetch
        self._service = service
        self._request = request
        self._items = items
        self._max_items = max_items
        self._start = _Place.parse(resume_token) if resume_token else _Place(_token(request), 0)
        self._place = self._start

    @property
    def resume_token(self) -> str | None:
        """The place right after the item or page that was yielded last; at first, the place to start from.

        None stands for the very beginning, and for the end.
        """
        return None if self._place == _Place(None, 0) else self._place.token()

    async def __aiter__(self) -> AsyncGenerator[ItemT, None]:
        """Yield the items of all pages, at most `max_items` of them."""
        left = self._max_items
        self._place = place = self._start
        async with aclosing(self._pages(left and left + place.skip)) as pages:
            async for page in pages:
                items = self._items(page)
                token = _token(page)
                for index in range(place.skip, len(items)):
                    is_last = index + 1 == len(items)
                    self._place = _Place(token, 0) if is_last else _Place(place.next_token, index + 1)
                    yield items[index]
                    if left is not None and (left := left - 1) == 0:
                        return
                self._place = place = _Place(token, 0)

    async def pages(self) -> AsyncGenerator[ResponseT, None]:
        """Yield the responses as they come, whatever `max_items` says."""
        self._place = self._start
        async with aclosing(self._pages(None)) as pages:
            async for page in pages:
                self._place = _Place(_token(page), 0)
                yield page

    async def _pages(self, wanted: int | None) -> AsyncGenerator[ResponseT, None]:
        """Yield the pages, fetching ahead unless this page holds all that is wanted."""
        token = self._start.next_token
        tokens = PageTokens(self._request, token)
        ahead: asyncio.Task[ResponseT] | None = None
        try:
            while True:
                page = await (ahead or self._page(token))
                ahead = None
                token = tokens.after(page)
                if token is None:
                    yield page
                    return
                if wanted is None or (wanted := wanted - len(self._items(page))) > 0:
                    ahead = asyncio.create_task(self._page(token))
                yield page
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.wait([ahead])

    async def _page(self, token: str | None) -> ResponseT:
        request: Any = self._request
        if token != request.next_token:
            request = attrs.evolve(request, next_token=token)
        return await self._fetch(self._service, request)


class PageTokens:
    """The tokens of the pages of one request so far."""

    __slots__ = ("_request", "_seen")

    def __init__(self, request: object, first: str | None) -> None:
        self._request = type(request).__name__
        self._seen = {first}

    def after(self, page: Any) -> str | None:
        """Return the token of the page after this one; None if this is the last.

        Raises `PaginationError` for a token that came before: the pages would never end.
        """
        token = _token(page)
        if token is None:
            return None
        if token in self._seen:
            raise PaginationError(
                f"{self._request}: the service returned a next_token that it had returned before"
            )
        self._seen.add(token)
        return token


class _Place(msgspec.Struct, frozen=True):
    """A place between two items: the token of a page, and how many of its items are done."""

    next_token: str | None
    skip: int

    def token(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode([self.next_token, self.skip])).decode()

    @classmethod
    def parse(cls, token: str) -> "_Place":
        try:
            place = msgspec.json.decode(base64.urlsafe_b64decode(token))
        except (RecursionError, ValueError):
            place = None
        match place:
            case [str() | None as next_token, int(skip)] if skip >= 0 and not isinstance(skip, bool):
                return cls(next_token, skip)
            case _:
                raise ValidationError("resume_token", "must be a pager's resume_token")


def _token(message: Any) -> str | None:
    """Return the token in a request or a response; an empty one is none."""
    token: str | None = message.next_token
    return token or None

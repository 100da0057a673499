"""The same work for many items, a few of them at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ecr_async.errors import ValidationError

__all__ = ["check_concurrency", "for_each"]

ItemT = TypeVar("ItemT")


def check_concurrency(concurrency: int) -> None:
    """Raise `ValidationError` unless at least one thing can be done at a time."""
    if concurrency < 1:
        raise ValidationError("concurrency", f"must be at least 1, not {concurrency}")


async def for_each(
    items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[object]], concurrency: int
) -> None:
    """Await `work` for every item, at most `concurrency` at a time.

    The first error cancels the rest and is raised, once everything has ended.
    """
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None

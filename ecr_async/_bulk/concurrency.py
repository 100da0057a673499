"""The same work for many items, a few of them at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

__all__ = ["for_each"]

ItemT = TypeVar("ItemT")


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

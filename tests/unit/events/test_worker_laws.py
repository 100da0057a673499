"""What holds for a worker whatever its queue and its handlers do, and whenever it is stopped."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from ecr_async.events import ImagePushed, MemoryQueue, Message, Worker
from tests.unit.events.documents import push
from tests.virtual_time import in_virtual_time

EVENTS = 25


class UnreliableQueue(MemoryQueue):
    """A queue whose calls fail at times, as a whole or for some of the messages, and at times take long."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        super().__init__(visibility_timeout=30)
        self._chance = chance
        self._rate = rate

    async def receive(self, limit: int) -> Sequence[Message]:
        if self._happens():
            raise ConnectionError
        return await super().receive(limit)

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        failed = await self._failing(messages)
        return [*failed, *await super().delete([each for each in messages if each not in failed])]

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        failed = await self._failing(messages)
        return [*failed, *await super().extend([each for each in messages if each not in failed])]

    async def release(self, messages: Sequence[Message]) -> Sequence[Message]:
        failed = await self._failing(messages)
        return [*failed, *await super().release([each for each in messages if each not in failed])]

    async def _failing(self, messages: Sequence[Message]) -> Sequence[Message]:
        if self._happens():
            raise ConnectionError
        if self._happens():
            await asyncio.sleep(self._chance.uniform(0, 60))
        return [message for message in messages if self._happens()]

    def _happens(self) -> bool:
        return self._chance.random() < self._rate


class Handler:
    """A handler that fails at times, and remembers how often each event was handled, and how often twice."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._working: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.overlaps = 0

    async def __call__(self, event: ImagePushed) -> None:
        self.overlaps += self._working[event.id]
        self._working[event.id] += 1
        try:
            await asyncio.sleep(self._chance.choice([0, 0.1, 5, 40, 200]))
            if self._chance.random() < 0.1:
                raise OSError
            self.done[event.id] += 1
        finally:
            self._working[event.id] -= 1


async def work_on_and_off(queue: MemoryQueue, handler: Handler, chance: random.Random) -> None:
    """Run one worker after the other, ended in every way there is, until the queue is empty."""
    while len(queue):
        worker = Worker(
            queue,
            concurrency=chance.randrange(1, 20),
            stop_timeout=chance.choice([None, 0, 10]),
            on_failure=lambda failure: None,
        )
        worker.on(ImagePushed, handler)
        running = asyncio.create_task(worker.run())
        await asyncio.wait([running], timeout=chance.uniform(1, 500))
        match chance.randrange(3):
            case 0:
                worker.stop()
            case cancellations:
                for _ in range(cancellations):
                    running.cancel()
                    await asyncio.sleep(chance.choice([0, 0.1, 10]))
        await asyncio.wait([running])
        if not running.cancelled() and (error := running.exception()):
            assert isinstance(error, ConnectionError)  # of the first receive


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_every_event_is_handled_and_nothing_is_left_behind(rate: float, seed: int) -> None:
    @in_virtual_time
    async def work() -> None:
        chance = random.Random(seed)
        queue, handler = UnreliableQueue(chance, rate), Handler(chance)
        for number in range(EVENTS):
            await queue.put(push(number))
        async with asyncio.timeout(20_000):
            await asyncio.gather(*(work_on_and_off(queue, handler, chance) for _ in range(2)))
        assert handler.done.keys() == {f"event-{number}" for number in range(EVENTS)}
        assert len(asyncio.all_tasks()) == 1
        if rate == 0:
            assert handler.overlaps == 0

    work()

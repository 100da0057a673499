"""Pushes to an embedded ECR, over an SQS queue, to worker processes of which one is killed.

The long form, `make soak-events`, sets ECR_ASYNC_SOAK_PUSHES; `make test-events-aiobotocore` runs the same
with aiobotocore's client, of the interpreter that ECR_ASYNC_WORKER_PYTHON names.
"""

import os
import signal

from tests.integration.events.conftest import SQS
from tests.integration.events.fleet import Fleet, push_images, sending_server

PUSHES = int(os.environ.get("ECR_ASYNC_SOAK_PUSHES", "200"))
IN_HAND = 20
"""Pushes that the killed worker may have been at: 10 in handlers, 10 to be deleted."""


async def test_every_push_is_handled_though_a_worker_is_killed(queue: SQS) -> None:
    async with Fleet() as fleet, sending_server(queue.url) as service:
        killed = await fleet.start(queue, visibility_timeout=5, seconds=0.02)
        other = await fleet.start(queue, visibility_timeout=5, seconds=0.02)
        pushed = await push_images(service, PUSHES)
        await fleet.until(lambda: killed.begun.total() >= PUSHES // 5)
        killed.process.kill()
        await fleet.until(lambda: fleet.done.keys() == pushed)
        other.process.send_signal(signal.SIGTERM)
        assert await other.process.wait() == 0
        await fleet.until(lambda: other.counters is not None)

    duplicates = fleet.done.total() - len(pushed)
    print(
        f"{len(pushed)} pushes, {killed.done.total()} by the worker that was killed, "
        f"{other.done.total()} by the other, {duplicates} twice; {other.counters}"
    )
    assert fleet.done.keys() == pushed
    assert duplicates <= IN_HAND
    assert other.counters is not None
    assert other.counters.handled == other.done.total()
    assert other.counters.failed == 0  # what could not be deleted in time came back, and was a duplicate
    assert queue.count() == 0
    assert queue.count(queue.dead_letters) == 0


async def test_handlers_slower_than_the_visibility_timeout_see_their_message_once(queue: SQS) -> None:
    async with Fleet() as fleet, sending_server(queue.url) as service:
        workers = [await fleet.start(queue, visibility_timeout=2, seconds=5) for _ in range(2)]
        pushed = await push_images(service, 12)
        await fleet.until(lambda: fleet.done.keys() == pushed)
        for worker in workers:
            worker.process.send_signal(signal.SIGTERM)
            assert await worker.process.wait() == 0
        await fleet.until(lambda: all(worker.counters is not None for worker in workers))
    assert set(fleet.done.values()) == {1}
    counters = [worker.counters for worker in workers if worker.counters is not None]
    assert sum(each.received for each in counters) == 12
    assert sum(each.extended for each in counters) >= 12 * 3
    assert queue.count() == 0

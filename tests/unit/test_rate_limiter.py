"""The rate limiter against simulated services, in virtual time.

An event loop that never waits, but moves its clock to the next timer, runs minutes of traffic in
milliseconds and the same way each time.
"""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import attrs
import pytest

from ecr_async._retry.rate_limiter import RateLimiter
from ecr_async._retry.standard import Backoff, RetryConfig, RetryStrategy
from ecr_async.errors import ServiceError

T = TypeVar("T")


class InstantSelector(selectors.SelectSelector):
    """Waits by moving a clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "every task waits and no timer is set: a deadlock"
        self.now += max(timeout, 0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = InstantSelector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def new_limiter(sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> RateLimiter:
    return RateLimiter(monotonic=asyncio.get_running_loop().time, sleep=sleep)


Limit = Callable[[float], float]


@attrs.define
class Server:
    """A token bucket that fills at `limit(time)` calls a second, behind a network of 5 to 50 ms."""

    limit: Limit
    chance: random.Random
    burst: float = 50
    calls: int = 0
    throttles: int = 0
    eaten: list[float] = attrs.Factory(list)
    _level: float = attrs.field(init=False)
    _as_of: float = 0

    def __attrs_post_init__(self) -> None:
        self._level = self.burst

    def admits(self) -> bool:
        time = now()
        self._level = min(self._level + (time - self._as_of) * self.limit(time), self.burst)
        self._as_of = time
        if self._level < 1:
            return False
        self._level -= 1
        return True

    async def call(self) -> bool:
        one_way = self.chance.uniform(0.005, 0.05) / 2
        self.calls += 1
        await asyncio.sleep(one_way)
        admitted = self.admits()
        self.throttles += not admitted
        await asyncio.sleep(one_way)
        return admitted

    async def feed_another_client(self, appetite: Limit) -> None:
        while True:
            rate = appetite(now())
            await asyncio.sleep(self.chance.expovariate(rate) if rate else 0.05)
            if rate and self.admits():
                self.eaten.append(now())

    def soonest(self, calls: int) -> float:
        """When somebody who knows everything would be done, having taken each token as it came."""
        time, step, tokens, eaten = 0.0, 0.001, self.burst, iter([*self.eaten, float("inf")])
        meal = next(eaten)
        while tokens < calls:
            tokens += step * self.limit(time)
            time += step
            while meal <= time:
                tokens -= 1
                meal = next(eaten)
        return time


@attrs.frozen
class Outcome:
    seconds: float
    efficiency: float
    throttled: float
    lost: int


async def scan(
    seed: int, limit: Limit, *, calls: int = 1000, callers: int = 50, appetite: Limit | None = None
) -> Outcome:
    """So many calls by so many callers, each with the retries that any call has."""
    chance = random.Random(seed)
    server = Server(limit, chance)
    retries = RetryStrategy(RetryConfig(is_paced=True), backoff=Backoff(chance.random))
    limiter = new_limiter()
    todo = iter(range(calls))
    throttle = ServiceError("", code="ThrottlingException", status=400)

    async def caller() -> int:
        return sum([not await one_call() for _ in todo])

    async def one_call() -> bool:
        attempts = retries.begin("DescribeImages")
        while True:
            sent = await limiter.acquire()
            if await server.call():
                attempts.succeed()
                return True
            limiter.throttled(sent=sent)
            if (delay := attempts.next_delay(throttle)) is None:
                return False
            await asyncio.sleep(delay)

    other = asyncio.ensure_future(server.feed_another_client(appetite)) if appetite else None
    lost = sum(await asyncio.gather(*[caller() for _ in range(callers)]))
    seconds = now()
    if other:
        other.cancel()
    return Outcome(seconds, server.soonest(calls) / seconds, server.throttles / server.calls, lost)


def constant(rate: float) -> Limit:
    return lambda _: rate


def between(start: float, end: float, inside: float, outside: float) -> Limit:
    return lambda time: inside if start <= time < end else outside


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("limit", "appetite", "calls"),
    [
        pytest.param(constant(50), None, 1000, id="50/s"),
        pytest.param(between(6, 14, 20, 50), None, 1000, id="50/s then 20/s then 50/s"),
        pytest.param(between(5, 17, 20, 50), None, 1000, id="50/s then 20/s for longer then 50/s"),
        pytest.param(
            constant(50), between(6, 16, 25, 0), 1000, id="50/s and another client eats half for a while"
        ),
        pytest.param(constant(5), None, 1000, id="5/s"),
        pytest.param(constant(20), None, 1000, id="20/s"),
        pytest.param(constant(200), None, 4000, id="200/s"),
    ],
)
def test_the_limit_is_found_and_held(limit: Limit, appetite: Limit | None, calls: int, seed: int) -> None:
    outcome = run(scan(seed, limit, appetite=appetite, calls=calls))
    assert outcome.lost == 0
    assert outcome.efficiency >= 0.95
    assert outcome.throttled < 0.03


@pytest.mark.parametrize("seed", range(3))
def test_a_high_limit_takes_a_second_or_so_to_find(seed: int) -> None:
    outcome = run(scan(seed, constant(1000), calls=5000))
    assert outcome.lost == 0
    assert outcome.seconds * (1 - outcome.efficiency) < 1.5
    assert outcome.throttled < 0.03


def test_without_a_limit_the_limiter_is_not_a_bottleneck() -> None:
    outcome = run(scan(1, constant(1e9), calls=15_000, callers=200))
    assert outcome.throttled == 0
    unpaced = 15_000 / 200 * 0.0275
    assert outcome.seconds < unpaced + 1.5, "what it takes to dare thousands of calls a second"


def test_more_callers_throttle_no_more() -> None:
    outcome = run(scan(1, constant(50), callers=500))
    assert outcome.lost == 0
    assert outcome.throttled < 0.03


async def taught(limit: float) -> tuple[RateLimiter, Server]:
    """A limiter that one busy caller has led to a limit, and the server that has it."""
    server = Server(constant(limit), random.Random(1))
    limiter = new_limiter()
    for _ in range(round(server.burst + 20 * limit)):
        await attempt(limiter, server)
    return limiter, server


async def attempt(limiter: RateLimiter, server: Server) -> bool:
    sent = await limiter.acquire()
    admitted = server.admits()
    await asyncio.sleep(0.001)
    if not admitted:
        limiter.throttled(sent=sent)
    return admitted


def test_the_estimate_is_the_limit() -> None:
    async def main() -> None:
        limiter, _ = await taught(50)
        assert limiter.limit == pytest.approx(50, rel=0.03)

    run(main())


def test_nothing_is_assumed_before_the_first_throttle() -> None:
    async def main() -> None:
        limiter = new_limiter()
        for _ in range(1000):
            await limiter.acquire()
        assert limiter.limit is None

    run(main())


def test_calls_are_spaced_evenly() -> None:
    async def main() -> None:
        limiter, _ = await taught(50)
        times = [await limiter.acquire() for _ in range(40)]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) > 1 / 50 * 0.75
        assert max(gaps) < 1 / 50 * 1.25

    run(main())


def test_a_timer_that_is_late_costs_no_throughput() -> None:
    async def late(delay: float) -> None:
        await asyncio.sleep(delay + 0.015)

    async def span(sleep: Callable[[float], Awaitable[object]]) -> float:
        limiter = new_limiter(sleep)
        times = [await limiter.acquire() for _ in range(60)]
        return times[-1] - times[0]

    assert run(span(late)) == pytest.approx(run(span(asyncio.sleep)), abs=0.03)


def test_waiters_are_served_first_come_first_served() -> None:
    async def main() -> list[int]:
        limiter = new_limiter()
        served: list[int] = []

        async def waiter(number: int) -> None:
            await limiter.acquire()
            served.append(number)

        await asyncio.gather(*[waiter(number) for number in range(100)])
        return served

    assert run(main()) == list(range(100))


@pytest.mark.parametrize("victims", [[0], [1], [3], [0, 1, 2], [9]], ids=str)
def test_a_cancelled_waiter_takes_nothing_with_it(victims: list[int]) -> None:
    async def times(cancelled: list[int]) -> list[float]:
        limiter, _ = await taught(5)
        begun = await limiter.acquire()
        waiters = [asyncio.ensure_future(limiter.acquire()) for _ in range(10)]
        await asyncio.sleep(0.01)
        for number in cancelled:
            waiters[number].cancel()
        results = await asyncio.gather(*waiters, return_exceptions=True)
        return [time - begun for time in results if isinstance(time, float)]

    undisturbed = run(times([]))
    assert run(times(victims)) == pytest.approx(undisturbed[: 10 - len(victims)])


def test_throttles_of_one_round_trip_count_once() -> None:
    async def main(throttles: int) -> float:
        limiter, _ = await taught(50)
        wave = [await limiter.acquire() for _ in range(30)]
        await asyncio.sleep(0.01)
        for sent in wave[-throttles:]:
            limiter.throttled(sent=sent)
        assert limiter.limit is not None
        return limiter.limit

    one, five = run(main(1)), run(main(5))
    assert 0.75 * one < five < one, "the later ones only correct the count of what was admitted"


def test_the_services_retry_after_is_kept_up_to_five_seconds() -> None:
    async def main(retry_after: float) -> float:
        limiter = new_limiter()
        sent = await limiter.acquire()
        limiter.throttled(retry_after, sent=sent)
        return await limiter.acquire() - sent

    assert run(main(4)) == pytest.approx(4)
    assert run(main(3600)) == pytest.approx(5)


def test_a_rest_releases_no_burst() -> None:
    async def main() -> None:
        limiter, _ = await taught(50)
        await asyncio.sleep(600)
        start = now()
        at_once = 0
        while await limiter.acquire() == start:
            at_once += 1
        assert at_once <= 5
        assert limiter.rate < 1.2 * 50

    run(main())


def test_a_rest_does_not_spoil_the_estimate() -> None:
    async def main() -> None:
        limiter, server = await taught(50)
        for _ in range(5):
            await asyncio.sleep(30)
            for _ in range(300):
                await attempt(limiter, server)
        assert limiter.limit == pytest.approx(50, rel=0.15)

    run(main())


def test_a_rest_ends_a_probe() -> None:
    async def main() -> None:
        limiter, server = await taught(50)
        server.limit, server.burst = constant(1e9), 1e9
        while limiter.rate < 500:
            await attempt(limiter, server)
        await asyncio.sleep(600)
        await limiter.acquire()
        assert limiter.rate < 1.2 * 50

    run(main())


def test_one_throttle_alone_halves_the_limit_at_most() -> None:
    async def main() -> None:
        limiter, _ = await taught(50)
        limiter.throttled(5, sent=await limiter.acquire())
        before = limiter.limit
        assert before is not None
        limiter.throttled(sent=await limiter.acquire())
        assert limiter.limit == pytest.approx(before / 2)

    run(main())


def test_a_rate_that_nobody_uses_does_not_grow() -> None:
    async def main() -> None:
        limiter, _ = await taught(50)
        for _ in range(1000):
            await asyncio.sleep(0.1)
            await limiter.acquire()
        assert limiter.rate < 1.2 * 50

    run(main())


def test_an_outage_of_throttles_is_recovered_from_soon() -> None:
    async def main() -> None:
        limiter, server = await taught(50)
        server.limit = constant(0)
        while now() < 60:
            await attempt(limiter, server)
        rejected = server.throttles
        server.limit = constant(50)
        back = now()
        while limiter.rate < 45:
            await attempt(limiter, server)
        assert now() - back < 15
        assert rejected < 100, "one call a second tries whether it is over"

    run(main())


def test_throttled_callers_share_what_there_is() -> None:
    async def main() -> list[int]:
        limiter, server = await taught(50)
        admitted = [0] * 10

        async def caller(number: int) -> None:
            while now() < 60:
                admitted[number] += await attempt(limiter, server)

        await asyncio.gather(*[caller(number) for number in range(10)])
        return admitted

    admitted = run(main())
    assert max(admitted) < 1.1 * min(admitted)

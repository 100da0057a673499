"""The embedded ECR on a thread of its own, with methods that need no event loop."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs

from ecr_async.local import Fault, LocalClock, LocalECR, serve
from ecr_async.session import Session
from ecr_async.testing import images
from ecr_async.testing.images import LocalImage

__all__ = ["ThreadedLocalECR"]

ResultT = TypeVar("ResultT")


@attrs.frozen
class _Running:
    """A server that runs, and what it takes to reach and to end it."""

    thread: Thread
    loop: asyncio.AbstractEventLoop
    task: "asyncio.Task[None]"


class ThreadedLocalECR:
    """An embedded ECR that runs on a thread of its own, for as long as its block lasts.

        with ThreadedLocalECR() as local_ecr:
            local_ecr.push_image("team/app", "v1")
            subprocess.run(["aws", "ecr", "describe-repositories"], env=os.environ | local_ecr.environment)

    Its methods are plain functions that take milliseconds. They can be called from synchronous and from
    asynchronous tests alike, and faults and rate limits do not affect them.

    Args:
        local: The server to run, for settings other than the defaults.
    """

    def __init__(self, local: LocalECR | None = None) -> None:
        self._local = local or LocalECR()
        self._rates = self._local.behaviour.rates
        self._numbers = itertools.count()
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()
        thread = Thread(target=_run, args=(self._local, started), name="local-ecr", daemon=True)
        thread.start()
        self._running = _Running(thread, *started.result())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.loop.call_soon_threadsafe(running.task.cancel)
            running.thread.join()

    @property
    def account_id(self) -> str:
        """The account that the server's own key belongs to."""
        return self._local.account_id

    @property
    def region(self) -> str:
        """The region that sessions have unless they are given another. The server plays all regions."""
        return self._local.region

    @property
    def endpoint_url(self) -> str:
        """Where the server is: what `endpoint_url` is to a session and to boto3."""
        return self._local.endpoint_url

    @property
    def access_key_id(self) -> str:
        """The access key of the account `account_id`."""
        return self._local.access_key_id

    @property
    def secret_access_key(self) -> str:
        """The secret that belongs to `access_key_id`."""
        return self._local.secret_access_key

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that point the AWS CLI, the SDKs and this library to the server."""
        return self._local.environment

    @property
    def clock(self) -> LocalClock:
        """The server's time: `clock.advance(timedelta(days=30))`, `with clock.frozen(moment): ...`."""
        return self._local.clock

    def session(self, **options: Any) -> Session:
        """Return a session that calls the server, to be entered by `async with`.

        `options` are those of `ecr_async.Session`, and come first.
        """
        return self._local.session(**options)

    def inject(self, *faults: Fault) -> AbstractContextManager[None]:
        """Put faults in force for a block.

        with local_ecr.inject(Fault(kind="throttle", operation="DescribeImages", times=3)):
            ...
        """
        return self._local.inject(*faults)

    def push_image(
        self,
        repository: str,
        *tags: str,
        layers: Sequence[Mapping[str, bytes | str]] | None = None,
        age: timedelta = timedelta(0),
        region: str | None = None,
    ) -> LocalImage:
        """Push an image that can be pulled, and create its repository if need be.

            local_ecr.push_image("team/app", "v1", layers=[{"etc/hostname": "app"}], age=timedelta(days=3))

        `layers` are the layers, each given by its files' paths and contents. Without them the image has one
        layer, which is different each time. `age` is for how long it has been there, by the server's
        clock. Raises what the API's operations do, but for an image that is there already.
        """
        if layers is None:
            layers = [{"etc/number": str(next(self._numbers))}]
        return self._call(images.push_image(self._local, repository, tags, layers, age=age, region=region))

    def make_images(
        self,
        repository: str,
        ages: Iterable[timedelta],
        *,
        tags: Iterable[str | None] = (),
        region: str | None = None,
    ) -> list[LocalImage]:
        """Push an image for each age, thousands of them in a second, and create the repository if need be.

            local_ecr.make_images("team/app", [timedelta(days=n) for n in range(90)], tags=["latest"])

        Returns them in the same order. `tags` are their tags in this order; those for which there is None,
        or nothing any more, are untagged. If a tag is there twice, the youngest image keeps it. The
        images have all the same layer, and manifests and digests of their own.
        """
        return self._call(
            images.make_images(self._local, repository, ages, tags, numbers=self._numbers, region=region)
        )

    def fill(
        self,
        requests: Iterable[Any],
        *,
        region: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Carry out requests of the API in one transaction; see `LocalECR.fill`."""
        self._call(self._local.fill(requests, region=region, clock=clock))

    def run_lifecycle_policies(self) -> int:
        """Expire and archive images as lifecycle policies say, by the server's clock; return how many."""
        return self._call(self._local.run_lifecycle_policies())

    def reset(self) -> None:
        """Empty every registry, clear all faults, restore the rate limits and return to the real time."""
        self._local.behaviour.clear()
        self._local.behaviour.limit(self._rates)
        self._local.clock.reset()
        self._call(self._local.reset())
        self._numbers = itertools.count()

    def _call(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run a coroutine on the server's event loop, and wait for it."""
        if self._running is None:
            work.close()
            raise RuntimeError("the embedded ECR runs within its `with` block only")
        return asyncio.run_coroutine_threadsafe(work, self._running.loop).result()


def _run(local: LocalECR, started: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]]") -> None:
    """Run a server until its task is cancelled; `started` receives the outcome of the start."""

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        await serve(local, lambda _: started.set_result((loop, task)))

    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(main())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)

"""The plugin's asynchronous fixtures."""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ecr_async.service import Service
    from ecr_async.session import Session
    from ecr_async.testing.threaded import ThreadedLocalECR

__all__ = ["make_async_fixtures"]

NO_EVENT_LOOP = (
    "ecr_session and ecr_service need an event loop: install pytest-asyncio and mark the test with "
    "@pytest.mark.asyncio (or set asyncio_mode = auto), or use anyio's plugin and @pytest.mark.anyio. "
    "A synchronous test uses local_ecr."
)


def make_async_fixtures(*, with_asyncio: bool) -> object:
    """Return a plugin with the fixtures.

    pytest-asyncio in its strict mode runs only fixtures of its own making, hence `with_asyncio`. Without
    it they are plain, which anyio's plugin takes; if nobody does, the test fails with the reason.
    """
    fixture: Callable[[Any], Any] = pytest.fixture
    if with_asyncio:
        import pytest_asyncio  # noqa: PLC0415

        fixture = pytest_asyncio.fixture

    class AsyncFixtures:
        @fixture
        async def ecr_session(self, local_ecr: "ThreadedLocalECR") -> "AsyncIterator[Session]":
            """An open session that calls `local_ecr`."""
            async with local_ecr.session() as session:
                yield session

        @pytest.fixture
        def ecr_service(self, ecr_session: "Session") -> "Service":
            """The service of `local_ecr` in its own region."""
            return ecr_session.service()

        def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> None:
            """Say what is missing, unless another plugin has taken the fixture into its hands by now."""
            if fixturedef.argname == "ecr_session" and inspect.isasyncgenfunction(fixturedef.func):
                pytest.fail(NO_EVENT_LOOP, pytrace=False)

    return AsyncFixtures()

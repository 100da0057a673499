"""A session where it cannot work says so at once, and harms nobody.

What users of others report: a session kept in a global and used by the next invocation's event loop
(https://github.com/terricain/aioboto3/issues/185).
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import ecr_async as ecr
from tests.faults.server import FaultServer, describe, respond, session_for
from tests.virtual_time import in_virtual_time


def session(endpoint_url: str = "http://127.0.0.1:9") -> ecr.Session:
    return ecr.Session(
        region="eu-west-1", endpoint_url=endpoint_url, access_key_id="AKIAEXAMPLE", secret_access_key="secret"
    )


async def use(opened: ecr.Session) -> None:
    await describe(opened.service())


async def credentials(opened: ecr.Session) -> None:
    await opened.get_credentials()


@pytest.mark.parametrize("action", [use, credentials])
def test_a_second_event_loop(action: Callable[[ecr.Session], Coroutine[Any, Any, None]]) -> None:
    opened = session()
    with asyncio.Runner() as first:
        first.run(opened.__aenter__())
        with pytest.raises(ecr.WrongEventLoopError, match="enter a session of its own") as caught:
            asyncio.run(action(opened))
        first.run(opened.aclose())
    assert isinstance(caught.value, ecr.ECRError)


@in_virtual_time
async def test_another_thread() -> None:
    caught: list[Exception] = []

    def call(opened: ecr.Session) -> None:
        try:
            asyncio.run(use(opened))
        except Exception as error:
            caught.append(error)

    async with FaultServer(respond()) as server, session_for(server) as opened:
        await describe(opened.service())
        thread = threading.Thread(target=call, args=(opened,))
        thread.start()
        await asyncio.to_thread(thread.join)
        await describe(opened.service())
        assert server.connections == 1, "the session itself is unharmed"
    assert [type(error) for error in caught] == [ecr.WrongEventLoopError]


def in_child(action: Any) -> int:
    """Fork, do something in the child, and return its exit code: 3 for a `WrongEventLoopError`."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except ecr.WrongEventLoopError:
            os._exit(3)
        except BaseException:
            os._exit(4)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@in_virtual_time
async def test_a_forked_child_leaves_the_parent_unharmed() -> None:
    async with FaultServer(respond()) as server, session_for(server) as opened:
        await describe(opened.service())

        def call() -> None:
            asyncio.run(use(opened))

        def close() -> None:
            asyncio.run(opened.aclose())

        assert in_child(call) == 3
        assert in_child(close) == 0
        async with asyncio.timeout(10):
            await describe(opened.service())
        assert server.connections == 1


@in_virtual_time
async def test_a_session_in_the_place_of_a_service() -> None:
    async with FaultServer(respond()) as server, session_for(server) as opened:
        wrong: Any = opened
        with pytest.raises(ecr.ConfigurationError, match=r"pass session\.service\(\)"):
            await describe(wrong)
        with pytest.raises(ecr.ConfigurationError, match=r"pass session\.service\(\)"):
            ecr.scan_images([wrong])
        assert not hasattr(opened, "call")
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            _ = wrong.nonsense

"""Connections are reused, bounded, and closed with the call or the session that they belong to."""

import asyncio

import aiohttp
import pytest

import ecr_async as ecr
from tests.faults.server import (
    Exchange,
    FaultServer,
    describe,
    drop,
    respond,
    respond_and_hang_up,
    session_for,
    stall,
)
from tests.virtual_time import in_virtual_time


class TestReuse:
    @in_virtual_time
    async def test_calls_one_after_the_other_share_a_connection(self) -> None:
        async with FaultServer(respond()) as server, session_for(server) as session:
            for _ in range(20):
                await describe(session.service())
            assert server.connections == 1

    @in_virtual_time
    async def test_services_share_connections(self) -> None:
        async with FaultServer(respond()) as server, session_for(server) as session:
            for region in ("eu-west-1", "us-east-1"):
                await describe(session.service(region))
            assert server.connections == 1

    @in_virtual_time
    async def test_as_many_connections_as_calls_at_once_are_kept(self) -> None:
        async with FaultServer(respond()) as server, session_for(server) as session:
            for _ in range(5):
                await asyncio.gather(*(describe(session.service()) for _ in range(30)))
            assert server.connections == server.open_connections == 30

    @in_virtual_time
    async def test_no_more_connections_than_allowed(self) -> None:
        async with FaultServer(respond()) as server, session_for(server, max_connections=7) as session:
            await asyncio.gather(*(describe(session.service()) for _ in range(100)))
        assert len(server.requests) == 100
        assert server.most_connections == server.connections == 7

    @in_virtual_time
    async def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used(self) -> None:
        async with FaultServer(respond_and_hang_up) as server, session_for(server) as session:
            for _ in range(3):
                await describe(session.service())
                await server.wait_until_open(0)
        assert len(server.requests) == server.connections == 3

    @in_virtual_time
    async def test_a_connection_that_the_server_closes_as_the_next_request_comes(self) -> None:
        async with FaultServer(respond(), drop, respond()) as server, session_for(server) as session:
            for _ in range(2):
                await describe(session.service())
        assert [request.connection for request in server.requests] == [1, 1, 2]
        assert server.sent("amz-sdk-request") == ["attempt=1; max=3"] * 3, "which costs no attempt"

    @in_virtual_time
    async def test_a_name_is_looked_up_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looked_up: list[str] = []

        async def look_up(
            resolver: aiohttp.ThreadedResolver, host: str, *_: object, **__: object
        ) -> list[dict[str, object]]:
            looked_up.append(host)
            return [
                {"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}
            ]

        monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", look_up)
        async with FaultServer(respond_and_hang_up) as server:
            port = server.port
            async with session_for(server, endpoint_url=f"http://ecr.example:{port}") as session:
                for _ in range(5):
                    await describe(session.service())
                    await server.wait_until_open(0)
        assert looked_up == ["ecr.example"]


class TestTimeouts:
    @pytest.mark.parametrize("option", ["read_timeout", "timeout"])
    @in_virtual_time
    async def test_bound_an_attempt(self, option: str) -> None:
        async with (
            FaultServer(stall) as server,
            session_for(server, max_attempts=1, **{option: 3.0}) as session,
        ):
            with pytest.raises(ecr.TimeoutError):
                await describe(session.service())
            assert asyncio.get_running_loop().time() == pytest.approx(3.0)

    @in_virtual_time
    async def test_silence_between_two_pieces_is_what_a_read_timeout_bounds(self) -> None:
        async def hesitate(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
            for piece in (b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b"{", b"}"):
                await asyncio.sleep(2)
                await exchange.send(piece)

        async with FaultServer(hesitate) as server, session_for(server, read_timeout=3.0) as session:
            assert (await describe(session.service())).repositories == ()
        assert len(server.requests) == 1

    @in_virtual_time
    async def test_a_server_that_accepts_and_never_shakes_hands(self) -> None:
        async with FaultServer(stall) as server:
            url = server.url.replace("http:", "https:")
            async with session_for(server, endpoint_url=url, connect_timeout=2.0, max_attempts=1) as session:
                with pytest.raises(ecr.ConnectError) as caught:
                    await describe(session.service())
            assert isinstance(caught.value, ecr.TimeoutError)
            assert asyncio.get_running_loop().time() == pytest.approx(2.0)

    @in_virtual_time
    async def test_a_timeout_is_a_builtin_one_too(self) -> None:
        async with FaultServer(stall) as server, session_for(server, timeout=1.0) as session:
            with pytest.raises(TimeoutError):
                await describe(session.service())


class TestCancelling:
    @in_virtual_time
    async def test_a_call_closes_its_connection_and_no_other(self) -> None:
        go_on = asyncio.Event()

        async def wait_and_respond(exchange: Exchange) -> None:
            await go_on.wait()
            await respond()(exchange)

        async with FaultServer(stall, wait_and_respond) as server, session_for(server) as session:
            impatient = asyncio.create_task(describe(session.service()))
            await server.wait_until_requested(1)
            patient = asyncio.create_task(describe(session.service()))
            await server.wait_until_requested(2)

            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            await server.wait_until_open(1)

            go_on.set()
            assert (await patient).repositories == ()
            assert len(server.requests) == 2, "a cancelled call is not tried again"

    @in_virtual_time
    async def test_a_call_that_waits_for_a_connection_takes_none(self) -> None:
        async with (
            FaultServer(stall, respond()) as server,
            session_for(server, max_connections=1) as session,
        ):
            first = asyncio.create_task(describe(session.service()))
            await server.wait_until_requested(1)
            waiting = [asyncio.create_task(describe(session.service())) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            first.cancel()
            results = await asyncio.gather(first, *waiting, return_exceptions=True)
            assert [type(result).__name__ for result in results] == [
                "CancelledError",
                "CancelledError",
                "DescribeRepositoriesResponse",
                "DescribeRepositoriesResponse",
            ]

    @in_virtual_time
    async def test_a_call_between_two_attempts(self) -> None:
        async with FaultServer(drop) as server, session_for(server) as session:
            call = asyncio.create_task(describe(session.service()))
            await server.wait_until_requested(1)
            await server.wait_until_open(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    @in_virtual_time
    async def test_a_deadline_of_the_callers_own(self) -> None:
        async with FaultServer(stall) as server, session_for(server) as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await describe(session.service())
            await server.wait_until_open(0)


class TestClosing:
    @in_virtual_time
    async def test_calls_under_way_end_as_the_session_does(self) -> None:
        async with FaultServer(stall) as server:
            async with session_for(server) as session:
                calls = [asyncio.create_task(describe(session.service())) for _ in range(5)]
                await server.wait_until_requested(5)
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [ecr.SessionClosedError] * 5

    @in_virtual_time
    async def test_calls_that_wait_for_credentials_or_a_connection_do_too(self) -> None:
        requested = asyncio.Event()

        async def never() -> ecr.Credentials:
            requested.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with FaultServer(stall) as server:
            async with session_for(server, credentials=never) as session:
                without_credentials = asyncio.create_task(describe(session.service()))
                await requested.wait()
            with pytest.raises(ecr.SessionClosedError):
                await without_credentials

            async with session_for(server, max_connections=1) as narrow:
                calls = [asyncio.create_task(describe(narrow.service())) for _ in range(3)]
                await server.wait_until_requested(1)
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [ecr.SessionClosedError] * 3

    @in_virtual_time
    async def test_an_exception_in_the_block_closes_it_too(self) -> None:
        async def fail(server: FaultServer) -> None:
            async with session_for(server) as session:
                await describe(session.service())
                raise ZeroDivisionError

        async with FaultServer(respond()) as server:
            with pytest.raises(ZeroDivisionError):
                await fail(server)
            await server.wait_until_open(0)

    @in_virtual_time
    async def test_a_closed_session_makes_no_calls(self) -> None:
        async with FaultServer(respond()) as server:
            async with session_for(server) as session:
                service = session.service()
                await describe(service)
            with pytest.raises(ecr.SessionClosedError, match="is closed"):
                await describe(service)
            with pytest.raises(ecr.SessionClosedError, match="is closed"):
                session.service()
            await session.aclose()
        assert len(server.requests) == 1

    @in_virtual_time
    async def test_a_session_that_was_not_entered_makes_none_either(self) -> None:
        async with FaultServer(respond()) as server:
            session = session_for(server)
            with pytest.raises(ecr.SessionClosedError, match="async with"):
                session.service()
            await session.aclose()

    @in_virtual_time
    async def test_a_session_is_entered_once(self) -> None:
        async with FaultServer(respond()) as server, session_for(server) as session:
            with pytest.raises(ecr.SessionClosedError, match="once"):
                await session.__aenter__()
            await describe(session.service())


class TestHooks:
    @in_virtual_time
    async def test_trace_configs_see_requests_and_connections(self) -> None:
        seen: list[str] = []
        trace = aiohttp.TraceConfig()

        async def started(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
            seen.append(f"{params.method} {params.headers['X-Amz-Target']}")

        async def connected(_: object, __: object, params: aiohttp.TraceConnectionCreateEndParams) -> None:
            seen.append("connected")

        async def ended(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
            seen.append(f"{params.response.status}")

        trace.on_request_start.append(started)
        trace.on_connection_create_end.append(connected)
        trace.on_request_end.append(ended)
        async with FaultServer(respond()) as server, session_for(server, trace_configs=[trace]) as session:
            await describe(session.service())
        target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
        assert seen == [f"POST {target}", "connected", "200"]


async def test_a_port_that_nobody_listens_on_is_named_in_plain_words() -> None:
    async with FaultServer(respond()) as server:
        url = server.url
    async with session_for(server, max_attempts=1) as session:
        with pytest.raises(ecr.ConnectError) as caught:
            await describe(session.service())
    host = str(url).removeprefix("http://").rstrip("/")
    assert caught.value.message == f"no connection: {host}: Connection refused"

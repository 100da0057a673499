"""Whatever goes wrong on the way comes out as one typed error, in bounded time, with nothing left behind."""

import asyncio
import gc
import gzip
import traceback
from typing import Any

import attrs
import pytest

import ecr_async as ecr
from ecr_async._http import reading
from tests.faults import server as faults
from tests.faults.server import (
    HTML,
    JSON,
    REQUEST_ID,
    Behaviour,
    FaultServer,
    describe,
    head,
    page,
    reject,
    respond,
    send_and_drop,
    send_and_stall,
    send_apart,
    send_endlessly,
    session_for,
)
from tests.faults.test_wrong_place import session
from tests.virtual_time import in_virtual_time

ONCE = 1
THREE_TIMES = 3
MIB = 1024 * 1024
UPLOAD = "00000000-0000-4000-8000-000000000000"
CHUNKED = head(200, {"Content-Type": JSON, "Transfer-Encoding": "chunked"})


def announcing(length: int) -> bytes:
    return head(200, {"Content-Type": JSON, "Content-Length": str(length)})


@attrs.frozen
class Case:
    """A behaviour, and what a call makes of it."""

    name: str
    behaviour: Behaviour
    error: type[ecr.CallError]
    attempts: int
    status: int | None = None

    def __str__(self) -> str:
        return self.name


NOTHING_CAME = [
    Case("drops", faults.drop, ecr.TransportError, THREE_TIMES),
    Case("resets", faults.reset, ecr.TransportError, THREE_TIMES),
    Case("stalls", faults.stall, ecr.TimeoutError, THREE_TIMES),
    Case(
        "breaks off in the head", send_and_drop(b"HTTP/1.1 200 OK\r\nConte"), ecr.TransportError, THREE_TIMES
    ),
    Case("stalls in the head", send_and_stall(b"HTTP/1.1 200 OK\r\nConte"), ecr.TimeoutError, THREE_TIMES),
]
HALF_OF_IT_CAME = [
    Case("has malformed chunks", send_apart(CHUNKED, b"zz\r\n"), ecr.TransportError, THREE_TIMES, 200),
    Case(
        "has malformed chunks after good ones",
        send_apart(CHUNKED + b"2\r\n{}\r\n", b"!\r\n"),
        ecr.TransportError,
        THREE_TIMES,
        200,
    ),
    Case("breaks off", send_and_drop(announcing(50), b'{"repo'), ecr.TransportError, THREE_TIMES, 200),
    Case(
        "breaks off in a chunk", send_and_drop(CHUNKED, b'50\r\n{"re'), ecr.TransportError, THREE_TIMES, 200
    ),
    Case(
        "breaks off between chunks",
        send_and_drop(CHUNKED, b"2\r\n{}\r\n"),
        ecr.TransportError,
        THREE_TIMES,
        200,
    ),
    Case("stalls in the body", send_and_stall(announcing(50), b'{"repo'), ecr.TimeoutError, THREE_TIMES, 200),
    Case("announces too little", send_and_drop(announcing(2), b'{"a":1}'), ecr.ResponseError, THREE_TIMES),
]
TOO_MUCH_CAME = [
    Case("announces too much", send_and_stall(announcing(10**15)), ecr.ResponseError, ONCE, 200),
    Case(
        "never ends",
        send_endlessly(CHUNKED, b"400\r\n%b\r\n" % (b" " * 1024)),
        ecr.ResponseError,
        ONCE,
        200,
    ),
    Case(
        "has no length and no end",
        send_endlessly(head(200, {}), b" " * 1024),
        ecr.ResponseError,
        ONCE,
        200,
    ),
    Case(
        "has an endless head",
        send_endlessly(b"HTTP/1.1 200 OK\r\nA: ", b"a" * 1024),
        ecr.ResponseError,
        THREE_TIMES,
    ),
    Case(
        "is packed",
        respond(gzip.compress(b" " * 10**7), content_encoding="gzip"),
        ecr.ResponseError,
        ONCE,
        200,
    ),
]
SOMETHING_ELSE_CAME = [
    Case("is packed, and breaks off", respond(gzip.compress(b'{"a": 1}')[:-6]), ecr.ResponseError, ONCE, 200),
    Case("is packed, and damaged", respond(b"\x1f\x8b\x08" + b"x" * 40), ecr.ResponseError, ONCE, 200),
    Case(
        "has a number of thousands of digits",
        respond(b'{"repositories": [{"createdAt": ' + b"9" * 5000 + b"}]}"),
        ecr.ResponseError,
        ONCE,
        200,
    ),
    Case(
        "rejects with a number of thousands of digits",
        respond(b'{"__type": "X", "n": ' + b"9" * 5000 + b"}", status=400),
        ecr.ResponseError,
        ONCE,
        400,
    ),
    Case(
        "rejects in depth",
        respond(b'{"__type": "X", "n": ' + b"[" * 900 + b"]" * 900 + b"}", status=400),
        ecr.ServiceError,
        ONCE,
        400,
    ),
    Case(
        "is not HTTP", send_and_drop(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"), ecr.ResponseError, THREE_TIMES
    ),
    Case(  # as botocore has it for what isn't HTTP
        "is whole, and followed by something else",
        send_and_drop(head(200, {"Content-Type": JSON, "Content-Length": "2"}), b"{}GARBAGE"),
        ecr.ResponseError,
        THREE_TIMES,
    ),
    Case("is HTML", page(200), ecr.ResponseError, ONCE, 200),
    Case("is JSON of another kind", respond(b'{"repositories": 7}'), ecr.ResponseError, ONCE, 200),
    Case("is not an object", respond(b"[]"), ecr.ResponseError, ONCE, 200),
    Case(
        "has a length that is not a number",
        send_and_drop(head(200, {"Content-Length": "x"})),
        ecr.ResponseError,
        THREE_TIMES,
    ),
    Case("is another success", respond(status=204, body=b""), ecr.ResponseError, ONCE, 204),
    Case("is HTML, not found", page(404), ecr.ResponseError, ONCE, 404),
    Case("is HTML, throttled", page(429), ecr.ResponseError, THREE_TIMES, 429),
    Case("is HTML, 500", page(500), ecr.ResponseError, THREE_TIMES, 500),
    Case("is HTML, 502", page(502), ecr.ResponseError, THREE_TIMES, 502),
    Case("is HTML, 503", page(503), ecr.ResponseError, THREE_TIMES, 503),
    Case("is empty, 504", respond(b"", 504), ecr.ResponseError, THREE_TIMES, 504),
]
THE_SERVICE_REJECTED_IT = [
    Case("throttles", reject("ThrottlingException"), ecr.ServiceError, THREE_TIMES, 400),
    Case("fails", reject("ServerException", 500), ecr.ServerException, THREE_TIMES, 500),
    Case("is unavailable", reject("ServiceUnavailable", 503), ecr.ServiceError, THREE_TIMES, 503),
    Case("says no", reject("RepositoryNotFoundException"), ecr.RepositoryNotFoundException, ONCE, 400),
    Case("has a quota", reject("LimitExceededException"), ecr.LimitExceededException, ONCE, 400),
]
CASES = [*NOTHING_CAME, *HALF_OF_IT_CAME, *TOO_MUCH_CAME, *SOMETHING_ELSE_CAME, *THE_SERVICE_REJECTED_IT]

LONGEST_ATTEMPT = 120.0
LONGEST_DELAY = 20.0


@pytest.fixture(autouse=True)
def hold_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 2**20)


@pytest.mark.parametrize("case", CASES, ids=str)
@in_virtual_time
async def test_a_server_that(case: Case) -> None:
    async with FaultServer(case.behaviour) as server, session_for(server) as session:
        started = asyncio.get_running_loop().time()
        with pytest.raises(case.error) as caught:
            await describe(session.service())
        elapsed = asyncio.get_running_loop().time() - started
        assert server.open_connections <= 1, "at most a connection that is fit for the next call"

    error = caught.value
    assert (type(error) is case.error) or case.error is ecr.ServiceError
    assert (error.operation, error.attempts, error.status) == (
        "DescribeRepositories",
        case.attempts,
        case.status,
    )
    assert error.request_id == (None if case.status is None else REQUEST_ID)
    assert len(server.requests) == case.attempts
    assert elapsed < case.attempts * (LONGEST_ATTEMPT + 1) + (case.attempts - 1) * LONGEST_DELAY


@pytest.mark.parametrize("case", [case for case in CASES if case.attempts > 1], ids=str)
@in_virtual_time
async def test_the_next_attempt_is_free_of_what_happened_to_the_last(case: Case) -> None:
    good = respond(b'{"repositories": [{"repositoryName": "app"}]}')
    async with FaultServer(case.behaviour, good) as server, session_for(server) as session:
        response = await describe(session.service())
    assert [repository.repository_name for repository in response.repositories] == ["app"]
    assert len(server.requests) == 2


@in_virtual_time
async def test_what_follows_a_response_is_not_taken_for_the_next_one() -> None:
    stray = respond(b'{"repositories": [{"repositoryName": "forged"}]}')

    async def respond_twice(exchange: Any) -> None:
        await respond()(exchange)
        await stray(exchange)

    async with FaultServer(respond_twice, respond()) as server, session_for(server) as session:
        for _ in range(3):
            assert (await describe(session.service())).repositories == ()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@in_virtual_time
async def test_redirects_are_not_followed(status: int) -> None:
    async with FaultServer(respond()) as elsewhere:
        redirect = page(status, Location=f"{elsewhere.url}/")
        async with FaultServer(redirect) as server, session_for(server) as session:
            with pytest.raises(ecr.ResponseError) as caught:
                await describe(session.service())
        assert elsewhere.requests == []
    assert (caught.value.status, caught.value.attempts) == (status, ONCE)


@in_virtual_time
async def test_an_error_keeps_the_beginning_of_a_body_that_is_not_the_services() -> None:
    async with FaultServer(respond(b"x" * 5000, 403, HTML)) as server, session_for(server) as session:
        with pytest.raises(ecr.ResponseError, match=r"text/html") as caught:
            await describe(session.service())
    assert caught.value.body == b"x" * 1024


@in_virtual_time
async def test_nobody_is_there() -> None:
    async with FaultServer() as server:
        pass
    async with session_for(server) as session:
        with pytest.raises(ecr.ConnectError) as caught:
            await describe(session.service())
    assert (caught.value.attempts, caught.value.status) == (THREE_TIMES, None)


@in_virtual_time
async def test_a_server_that_switches_protocols_leaves_nothing_open() -> None:
    switching = send_and_stall(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    )
    asyncio.get_running_loop().set_debug(True)  # in which aiohttp warns of a response that is left open
    async with FaultServer(switching) as server, session_for(server) as session:
        with pytest.raises(ecr.ResponseError) as caught:
            await describe(session.service())
        await server.wait_until_open(0)
        gc.collect()
    assert (caught.value.status, caught.value.attempts) == (101, 1)


@pytest.mark.parametrize("host", ["a..b", f"{64 * 'x'}.example", ".example"])
@in_virtual_time
async def test_a_host_name_that_cannot_be_is_not_even_tried(host: str) -> None:
    async with FaultServer(respond()) as server:
        with pytest.raises(ecr.ConfigurationError, match="host"):
            await session_for(server, endpoint_url=f"https://{host}").__aenter__()


async def test_a_response_that_is_packed_unasked_is_read() -> None:
    packed = respond(gzip.compress(b'{"repositories": [{"repositoryName": "team/app"}]}'))
    async with FaultServer(packed) as server, session_for(server) as session:
        response = await describe(session.service())
        assert [each.repository_name for each in response.repositories] == ["team/app"]


async def test_a_rejection_that_is_packed_unasked_is_read() -> None:
    packed = respond(
        gzip.compress(b'{"__type": "RepositoryNotFoundException", "message": "gone"}'), status=400
    )
    async with FaultServer(packed) as server, session_for(server) as session:
        with pytest.raises(ecr.RepositoryNotFoundException, match="gone"):
            await describe(session.service())


async def test_headers_that_are_not_text_can_be_printed() -> None:
    raw = (
        b"HTTP/1.1 400 x\r\nx-amzn-errortype: a\xff\r\nx-amzn-requestid: b\xff\r\nContent-Length: 2\r\n\r\n{}"
    )
    async with FaultServer(send_and_drop(raw)) as server, session_for(server) as session:
        with pytest.raises(ecr.ServiceError) as caught:
            await describe(session.service())
    assert (caught.value.code, caught.value.request_id) == ("a\ufffd", "b\ufffd")
    assert str(caught.value).encode()


CANARY = b"IQoJb3JpZ2luX2VjEXAMPLETOKEN"


@pytest.mark.parametrize(
    "behaviour",
    [
        send_and_drop(b"HTTP/1.1 200 OK\r\nX-Echo: " + CANARY + b"\r\nConte"),
        send_and_drop(b"HTTP/1.1 200 OK\r\n" + CANARY + b"\r\n\r\n"),
        send_apart(CHUNKED, b"zz" + CANARY + b"\r\n"),
        send_apart(CHUNKED, b"2\r\n{}" + CANARY + b"\r\n"),
    ],
    ids=["half a head", "a malformed head", "a malformed chunk", "a malformed chunk's end"],
)
async def test_a_malformed_response_is_not_repeated(behaviour: Behaviour) -> None:
    async with FaultServer(behaviour) as server, session_for(server) as session:
        with pytest.raises(ecr.CallError) as call:
            await describe(session.service())
        url = f"{server.url}/layer?X-Amz-Signature={CANARY.decode()}"
        with pytest.raises(ecr.CallError) as download:
            await download_all(session, url)
    for caught in (call, download):
        assert CANARY.decode() not in str(caught.value)
        shown = traceback.TracebackException.from_exception(caught.value)
        assert CANARY.decode() not in "".join(shown.format())


async def download_all(session: ecr.Session, url: str) -> None:
    async with session.service("eu-west-1").download(url) as download:
        async for _ in download.batches(1):
            pass


@pytest.mark.parametrize("url", ["http://[", "", "no-url", "file:///etc/passwd", "http://host:99999/"])
async def test_an_invalid_url_is_rejected_in_our_words(url: str) -> None:
    async with FaultServer(respond()) as server, session_for(server) as session:
        with pytest.raises(ecr.CallError):
            await download_all(session, url)


async def test_a_download_follows_no_redirect() -> None:
    async with FaultServer(page(302, Location="/elsewhere")) as server, session_for(server) as session:
        async with session.service("eu-west-1").download(f"{server.url}/layer") as download:
            assert download.status == 302
        assert len(server.requests) == 1


async def test_a_large_request_that_is_rejected_before_it_was_read() -> None:
    """ECR does so where the repository doesn't exist, and others report a broken pipe.

    See https://github.com/dotnet/sdk-container-builds/pull/279 and
    https://github.com/aio-libs/aiohttp/issues/4579.
    """
    body = b'{"__type": "RepositoryNotFoundException", "message": "There is none."}'

    async def reject_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        headers = {"Content-Type": JSON, "Connection": "close", "Content-Length": str(len(body))}
        writer.write(head(400, headers) + body)
        await writer.drain()
        writer.close()

    part = ecr.UploadLayerPartRequest("team/app", UPLOAD, 0, 8 * MIB - 1, bytes(8 * MIB))
    server = await asyncio.start_server(reject_early, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, session(url) as opened:
        with pytest.raises(ecr.RepositoryNotFoundException) as caught:
            await ecr.upload_layer_part(opened.service(), part)
    assert caught.value.attempts == 1


async def test_cookies_are_not_kept() -> None:
    # In real time: a name is looked up on a thread, for which virtual time does not wait.
    async with FaultServer(respond(Set_Cookie="session=1; Path=/")) as server:
        url = f"http://localhost:{server.port}"  # an address's would not be kept anyhow
        async with session_for(server, endpoint_url=url) as session:
            for _ in range(2):
                await describe(session.service())
    assert server.sent("Cookie") == [None, None]


@in_virtual_time
async def test_a_connection_that_is_reset_in_the_middle_of_a_body_is_told_once() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def respond_in_part_and_reset(exchange: faults.Exchange) -> None:
        await exchange.send(head(200, {"Content-Type": JSON, "Content-Length": "2"}) + b"{")
        await asyncio.sleep(1)
        await faults.reset(exchange)

    async with FaultServer(respond_in_part_and_reset) as server, session_for(server) as session:
        with pytest.raises(ecr.TransportError):
            await describe(session.service())
    gc.collect()
    assert told == []

"""`ecr-async events tail` and `ecr-async serve --events`, as processes."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

import ecr_async as ecr
from ecr_async.events import Event, ImagePushed, parse_event
from tests.integration.events.conftest import SQS
from tests.integration.events.fleet import AWS, push_images, sending_server
from tests.integration.subprocesses import COMMAND, environment, run, started
from tests.unit.events.documents import DIGEST, event, push


async def credentials() -> ecr.Credentials:
    return ecr.Credentials("test", "test")


ENVIRONMENT = environment(None, **AWS)
LINE = f"2026-03-01 12:00:00  012345678901  eu-west-1  ImagePushed  team/app:1.{{}}@{DIGEST[:19]}"


async def test_tail_prints_a_readable_line_for_each_event_and_keeps_them(queue: SQS) -> None:
    queue.send(*(json.dumps(push(number)) for number in range(3)))
    finished = await run(*COMMAND, "events", "tail", "--queue", queue.url, "--count", "3", env=ENVIRONMENT)
    assert (finished.status, finished.err) == (0, "")
    assert sorted(finished.out.splitlines()) == [LINE.format(number) for number in range(3)]
    visible = queue.client.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert visible["Attributes"]["ApproximateNumberOfMessages"] == "3"


async def test_tail_prints_json_and_deletes_until_it_is_interrupted(queue: SQS) -> None:
    queue.send("no JSON", json.dumps(event("ECR Artifact Action", {"secret\x1b[2J": "\x1b[2J"})))
    options = ("--queue", queue.url, "--json", "--delete")
    async with started(*COMMAND, "events", "tail", *options, env=ENVIRONMENT) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        shown = json.loads(await tail.stdout.readline())
        assert shown["detail-type"] == "ECR Artifact Action"
        complaint = (await tail.stderr.readline()).decode()
        assert complaint.startswith("ecr-async: the message could not be handled: document: is not JSON")
        tail.send_signal(signal.SIGTERM)
        assert await tail.wait() == 0
    assert queue.count() == 1


async def test_what_comes_in_an_event_cannot_steer_the_terminal(queue: SQS) -> None:
    queue.send(json.dumps(event("ECR\x1b[2J Artifact\nAction", {})))
    finished = await run(*COMMAND, "events", "tail", "--queue", queue.url, "--count", "1", env=ENVIRONMENT)
    assert finished.out.endswith("UnknownEvent  aws.ecr: ECR\ufffd[2J Artifact\ufffdAction\n")


async def test_a_queue_that_is_not_there_is_one_line() -> None:
    url = "http://127.0.0.1:9/123456789012/gone"
    finished = await run(
        *COMMAND, "events", "tail", "--queue", url, env=ENVIRONMENT | {"AWS_MAX_ATTEMPTS": "1"}
    )
    assert finished.status == 1
    assert "Could not connect to the endpoint URL" in finished.err
    assert len(finished.err.splitlines()) == 1


async def test_a_queues_name_is_not_enough() -> None:
    finished = await run(*COMMAND, "events", "tail", "--queue", "pushes", env=ENVIRONMENT)
    assert finished.status == 2
    assert "Invalid value for --queue: the queue must be given by its URL" in finished.err


async def test_the_server_appends_events_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with sending_server(str(path)) as service:
        pushed = await push_images(service, 20)
    events = [parse_event(line) for line in path.read_text().splitlines()]
    assert {event.document["detail"]["image-tag"] for event in events} == pushed


async def test_what_a_killed_server_had_not_sent_is_sent_by_the_next(tmp_path: Path) -> None:
    path, data = tmp_path / "events.jsonl", ("--data", str(tmp_path / "data"))
    async with sending_server("http://127.0.0.1:9/nobody", *data, end=signal.SIGKILL) as service:
        pushed = await push_images(service, 20)
    async with sending_server(str(path), *data, create=False):
        pass
    events = [parse_event(line) for line in path.read_text().splitlines()]
    assert {event.document["detail"]["image-tag"] for event in events} == pushed


async def test_the_server_prints_events() -> None:
    command = (*COMMAND, "serve", "--events", "-", "--no-verify-layers", "--no-verify-signatures")
    async with started(*command, env=ENVIRONMENT) as server:
        assert server.stdout is not None
        url = (await server.stdout.readline()).decode().strip()
        async with ecr.Session(region="us-east-1", endpoint_url=url, credentials=credentials) as session:
            await ecr.create_repository(session.service(), ecr.CreateRepositoryRequest("team/app"))
            await push_images(session.service(), 1)
        event = parse_event(await server.stdout.readline())
        assert isinstance(event, ImagePushed)
        assert event.image_tag == "v0"


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[str, "asyncio.Queue[Event]"]]:
    """An HTTP endpoint that fails at first, and the events that are posted to it."""
    posted: asyncio.Queue[Event] = asyncio.Queue()
    failures = iter([web.HTTPServiceUnavailable])

    async def take(request: web.Request) -> web.Response:
        for failure in failures:
            raise failure
        posted.put_nowait(parse_event(await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", posted
    await runner.cleanup()


async def test_the_server_posts_events_until_they_are_taken(
    endpoint: tuple[str, "asyncio.Queue[Event]"],
) -> None:
    url, posted = endpoint
    async with sending_server(url) as service:
        pushed = await push_images(service, 5)
        events = [await posted.get() for _ in pushed]
    assert {event.document["detail"]["image-tag"] for event in events} == pushed

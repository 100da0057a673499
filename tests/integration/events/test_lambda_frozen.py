"""A function of AWS Lambda whose process is frozen for hours between two invocations."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.events import ImagePushed, Worker, lambda_handler
from tests.clocks import ShiftedClock
from tests.integration.events.servers import ServerProcess
from tests.unit.events.documents import push, sqs_record

HOUR = 3600.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    server.start()
    yield server
    server.kill()


def test_connections_are_dead_and_credentials_expired(server: ServerProcess) -> None:
    clock = ShiftedClock()  # the monotonic one stands still meanwhile, as a frozen process's does
    given: list[datetime] = []
    found: list[int] = []

    async def credentials() -> ecr.Credentials:
        given.append(datetime.fromtimestamp(clock() + HOUR, UTC))
        return ecr.Credentials(f"AKIA{len(given)}", "secret", "token", given[-1])

    session = ecr.Session(
        region="us-east-1",
        endpoint_url=server.url,
        credentials=credentials,
        clock=clock,
        max_attempts=1,  # so that nothing is hidden by trying again
    )
    worker = Worker()

    @worker.on(ImagePushed)
    async def count(event: ImagePushed) -> None:
        repositories = await ecr.describe_repositories(
            event.service(session), ecr.DescribeRepositoriesRequest()
        )
        found.append(len(repositories.repositories))

    handler = lambda_handler(worker, session)

    def invoke(*numbers: int) -> object:
        return handler({"Records": [sqs_record(push(number), str(number)) for number in numbers]})

    assert invoke(1, 2, 3) == {"batchItemFailures": []}
    assert len(given) == 1
    for freeze in range(3):
        server.kill()  # resets every connection in the pool, of which a frozen process sees nothing
        server.start()
        clock.ahead += 5 * HOUR
        first = 10 * (freeze + 1)
        assert invoke(first, first + 1, first + 2) == {"batchItemFailures": []}
    assert len(given) == 4
    assert found == [0] * 12
    handler.close()

"""The pytest plugin. Nothing more is imported, and nothing runs, until a test requests a fixture."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ecr_async.testing.threaded import ThreadedLocalECR

__all__ = ["ecr_environment", "local_ecr", "local_ecr_server", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Add the asynchronous fixtures, as the plugin that runs them wants them."""
    from ecr_async.testing.async_fixtures import make_async_fixtures  # noqa: PLC0415

    fixtures = make_async_fixtures(with_asyncio=config.pluginmanager.hasplugin("asyncio"))
    config.pluginmanager.register(fixtures, "ecr-async-fixtures")


@pytest.fixture(scope="session")
def local_ecr_server() -> "Iterator[ThreadedLocalECR]":
    """An embedded ECR that runs for the whole session and keeps what tests put into it.

    Override this fixture to give `local_ecr` other settings: return a `ThreadedLocalECR` that runs.
    """
    from ecr_async.testing.threaded import ThreadedLocalECR  # noqa: PLC0415

    with ThreadedLocalECR() as server:
        yield server


@pytest.fixture
def local_ecr(local_ecr_server: "ThreadedLocalECR") -> "Iterator[ThreadedLocalECR]":
    """The session's embedded ECR: empty, without faults, at the real time."""
    local_ecr_server.reset()  # of what tests have left that use the server itself
    yield local_ecr_server
    local_ecr_server.reset()


@pytest.fixture
def ecr_environment(local_ecr: "ThreadedLocalECR", monkeypatch: pytest.MonkeyPatch) -> "ThreadedLocalECR":
    """The same as `local_ecr`, with AWS's environment variables pointing to it.

    It is for code that makes clients of its own: boto3's, sessions of this library, the AWS CLI. Nothing
    else of the user's AWS configuration is seen.
    """
    from ecr_async.testing.environment import isolate  # noqa: PLC0415

    isolate(monkeypatch, local_ecr.environment)
    return local_ecr

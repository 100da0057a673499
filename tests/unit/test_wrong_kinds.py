"""Every public function with something of a wrong kind in every place: a typed error that names it, always.

What a caller gets wrong is an argument left None by a configuration, two arguments swapped, a name where
a list belongs. Python itself would say that a NoneType has no attribute "call", somewhere inside.
"""

import gc
import inspect
import re
from collections.abc import AsyncIterable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

import ecr_async
from ecr_async._retry.standard import RetryConfig, RetryStrategy
from ecr_async.api.repositories import DESCRIBE_REPOSITORIES
from ecr_async.events.sqs import METHODS
from ecr_async.lifecycle import LifecyclePolicy, Rule
from tests.faults.test_wrong_place import session

ecr: Any = ecr_async  # so that wrong types can be written down

FUNCTIONS = {name: getattr(ecr, name) for name in ecr.__all__ if inspect.isfunction(getattr(ecr, name))} | {
    "arrow.record_batches": ecr.arrow.record_batches,
    "arrow.write_parquet": ecr.arrow.write_parquet,
    "events.lambda_handler": ecr.events.lambda_handler,
    "events.parse_event": ecr.events.parse_event,
    "events.parse_events": ecr.events.parse_events,
    "lifecycle.evaluate": ecr.lifecycle.evaluate,
}
CLASSES: dict[str, Callable[..., object]] = {
    "Credentials": ecr.Credentials,
    "Fleet": ecr.Fleet,
    "ImageReference.parse": ecr.ImageReference.parse,
    "PollDelays": ecr.PollDelays,
    "RegistryHost.parse": ecr.RegistryHost.parse,
    "Session": ecr.Session,
    "events.MemoryQueue": ecr.events.MemoryQueue,
    "events.SqsQueue": ecr.events.SqsQueue,
    "events.Worker": ecr.events.Worker,
    "events.Worker.on": ecr.events.Worker().on,
    "lifecycle.LifecyclePolicy.from_json": LifecyclePolicy.from_json,
    "lifecycle.Rule.archive": Rule.archive,
    "lifecycle.Rule.expire": Rule.expire,
}
METHODS_OF_THE_SESSION: dict[str, Callable[[Any], Callable[..., object]]] = {
    "Session.assume_role": lambda opened: opened.assume_role,
    "Session.service": lambda opened: opened.service,
    "Service.call": lambda opened: opened.service().call,
    "Service.download": lambda opened: opened.service().download,
    "Service.with_retries": lambda opened: opened.service().with_retries,
}
TAKES_ANYTHING = {("delete_images", "dry_run")}
"""Where nothing is an error: only False deletes."""

CHECKED_LATER = {"lifecycle.Rule.archive", "lifecycle.Rule.expire"}
"""What a policy's `check` and `to_json` reject."""

CALLED = {"text": "image", "kind": "classes of events", "session_token": "secret_access_key"}
"""What an error calls an argument, where that isn't its name."""


class NoConnection:
    """A transport that has no connections, so that what gets past the checks ends here."""

    async def open(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    def backlog(self) -> int:
        return 0

    def connection(self) -> NoReturn:
        raise ecr.ConnectError("there is no connection")

    def download(self, *_: object) -> NoReturn:
        raise ecr.ConnectError("there is no connection")


def unconnected() -> Any:
    return ecr.Session(
        region="eu-west-1",
        access_key_id="AKIAEXAMPLE",
        secret_access_key="secret",
        trust_env=False,
        max_attempts=1,
        transport=NoConnection(),
    )


def right_values(service: Any, folder: Path) -> dict[str, Any]:
    """A right value for each argument that has no default."""
    return {
        "accounts": ["123456789012"],
        "client": type("Client", (), dict.fromkeys(METHODS, print)),
        "destination": folder / "layout",
        "document": "{}",
        "host": "localhost",
        "image_ids": [],
        "images": [],
        "kind": ecr.events.ImagePushed,
        "layer_digests": [],
        "keep_newest": 1,
        "now": datetime(2026, 7, 1, tzinfo=UTC),
        "path": folder / "file",
        "policy": LifecyclePolicy([Rule.expire(1, "any", keep_newest=1)]),
        "operation": DESCRIBE_REPOSITORIES,
        "priority": 1,
        "reference": "v1",
        "repository": "team/app",
        "request": ecr.DescribeRepositoriesRequest(),
        "retries": RetryStrategy(RetryConfig(3)),
        "role": "reader",
        "role_arn": "arn:aws:iam::123456789012:role/reader",
        "scan": ecr.scan_images(service),
        "secret_access_key": "secret",
        "access_key_id": "AKIAEXAMPLE",
        "service": service,
        "services": service,
        "session": session(),
        "source": folder,
        "source_repository": "team/app",
        "source_service": service,
        "tags": "any",
        "text": "team/app",
        "url": "https://sqs.eu-west-1.amazonaws.com/123456789012/pushes",
        "worker": ecr.events.Worker(),
    }


def wrong_values(service: Any, opened: Any) -> Iterator[Any]:
    yield from (None, "text", "", 5, -1, 1.5, True, b"bytes", [], ["a"], [None], {"a": "b"}, object(), print)
    yield from (service, opened, ecr.DescribeImagesRequest("team/app"), ecr.ImageIdentifier(image_tag="v1"))


def arguments_of(function: Callable[..., object]) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each for each in inspect.signature(function).parameters.values() if each.kind not in kinds]


async def outcome(function: Callable[..., Any], arguments: dict[str, Any]) -> Exception | None:
    """Call, and do all that a caller does with what comes back; return what was raised."""
    try:
        made = function(**arguments)
        if inspect.isawaitable(made):
            made = await made
        if isinstance(made, AsyncIterable):
            async for _ in made:
                pass
        elif isinstance(made, ecr.Session):
            async with made:
                pass
    except Exception as error:
        return error
    return None


async def try_everything(name: str, function: Callable[..., Any], folder: Path) -> None:
    async with unconnected() as opened:
        service = opened.service()
        parameters = arguments_of(function)
        needed = {each.name for each in parameters if each.default is each.empty}
        needed |= {"keep_newest"} & {each.name for each in parameters}
        for argument in parameters:
            for wrong in wrong_values(service, opened):
                right = right_values(service, folder)
                if name == "sync_images":
                    right |= {"source": service, "destinations": service}
                error = await outcome(function, {key: right[key] for key in needed} | {argument.name: wrong})
                case = f"{argument.name}={wrong!r}: {error!r}"
                assert (
                    error is None
                    or isinstance(error, ecr.ECRError | OSError)
                    or re.search("condition|tags must be", str(error))
                ), case
                if (
                    type(wrong) is object
                    and name not in CHECKED_LATER
                    and (name, argument.name) not in TAKES_ANYTHING
                ):
                    assert re.search(
                        f"{argument.name}|{CALLED.get(argument.name, argument.name)}", str(error)
                    ), case
    gc.collect()


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_functions(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await try_everything(name, FUNCTIONS[name], tmp_path)


@pytest.mark.parametrize("name", CLASSES)
async def test_constructors(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    await try_everything(name, CLASSES[name], tmp_path)


@pytest.mark.parametrize("name", METHODS_OF_THE_SESSION)
async def test_methods(name: str, tmp_path: Path) -> None:
    async with unconnected() as opened:
        function = METHODS_OF_THE_SESSION[name](opened)
        assert arguments_of(function)
        await try_everything(name, function, tmp_path)

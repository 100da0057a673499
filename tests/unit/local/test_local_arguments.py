"""Arguments of the embedded ECR that make no sense: rejected by name, before anything starts."""

import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecr_async.errors import ConfigurationError, ECRError, ValidationError
from ecr_async.local import Fault, LocalClock, NotRunningError, RateLimit
from ecr_async.local import LocalECR as TypedLocalECR

LocalECR: Any = TypedLocalECR  # so that wrong types can be written down
ACCOUNT = "123456789012"

ODD = [
    ({"port": -1}, "port must be 0 to 65535, not -1"),
    ({"port": 70_000}, "port must be 0 to 65535, not 70000"),
    ({"port": "80"}, "port must be a whole number, not str"),
    ({"port": True}, "port must be a whole number, not bool"),
    ({"host": ""}, "host must be a string with something in it, not an empty one"),
    ({"host": None}, "host must be a string with something in it, not NoneType"),
    ({"account_id": "1"}, "account_id must be a string of 12 digits, not '1'"),
    ({"account_id": 123456789012}, "account_id must be a string of 12 digits, not int 123456789012"),
    ({"account_id": "12345678901٢"}, "account_id must be a string of 12 digits"),
    ({"region": ""}, "region must be a region's name, such as us-east-1, not ''"),
    ({"region": None}, "region must be a region's name, such as us-east-1, not NoneType"),
    ({"region": "nowhere"}, "region must be a region's name, such as us-east-1, not 'nowhere'"),
    ({"data": ""}, "data must be a path, as a string or a Path, not ''"),
    ({"data": 5}, "data must be a path, as a string or a Path, not int 5"),
    ({"data": b"x"}, "data must be a path, as a string or a Path, not bytes"),
    ({"data": "a\0b"}, "data must be a path"),
    ({"clock": 5}, "clock must be a function, not int 5"),
    ({"on_event": 5}, "on_event must be a function, or an object with a method send, not int 5"),
    ({"uri_style": "foo"}, "uri_style must be one of caller, host, path, aws, not 'foo'"),
    ({"tls": "yes"}, "tls must be True, False, or the paths of a certificate and its key, not 'yes'"),
    ({"tls": (1, "key.pem")}, "tls[0] must be a path, as a string or a Path, not int 1"),
    ({"rates": "20/s"}, "rates must be a mapping of rate limits by operation, not '20/s'"),
    ({"rates": {"ListImages": 5}}, "rates['ListImages']: a rate limit is written like 20/s"),
    ({"rates": {"ListImage": "5/s"}}, "rates['ListImage'] must name an operation, such as DescribeImages"),
    ({"keys": {"AKIA": "secret"}}, "keys['AKIA'] must be the secret, the account and perhaps the ARN"),
    ({"keys": {"AKIA": ("secret", "1")}}, "the account in keys['AKIA'] must be a string of 12 digits"),
    ({"keys": {"AKIA": ("secret", ACCOUNT, "me")}}, "the principal in keys['AKIA'] must be an ARN, not 'me'"),
    (
        {"keys": {"A/B": ("secret", ACCOUNT)}},
        "the id of an access key must be a string of letters and digits",
    ),
    ({"keys": ["AKIA"]}, "keys must be a mapping of access keys by their ids, not list"),
    ({"access_key_id": ""}, "access_key_id must be a string of letters and digits, not ''"),
    ({"secret_access_key": None}, "secret_access_key must be a string with something in it, not NoneType"),
    ({"verify_layers": "no"}, "verify_layers must be True or False, not 'no'"),
    ({"control": None}, "control must be True or False, not NoneType"),
    ({"preview_polls": -1}, "preview_polls must be 0 to 1000000, not -1"),
    ({"scan_polls": 10**30}, "scan_polls must be 0 to 1000000, not 1"),
    ({"replication_polls": 1.5}, "replication_polls must be a whole number, not float"),
]


@pytest.mark.parametrize(("arguments", "message"), ODD, ids=str)
def test_an_odd_argument_of_the_server(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        LocalECR(**arguments)
    assert str(raised.value).startswith(message)


def test_no_secret_is_repeated() -> None:
    with pytest.raises(ConfigurationError) as raised:
        LocalECR(keys={"AKIA": ("very secret",)}, secret_access_key="also secret")
    assert "secret" not in str(raised.value).replace("the secret", "")


@pytest.mark.parametrize("reading", ["x", None, math.nan, -1, True])
async def test_a_clock_that_shows_no_time(reading: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^clock must return seconds since the epoch, not "):
        async with LocalECR(clock=lambda: reading, data=tmp_path / "data"):
            pass
    assert not (tmp_path / "data").exists()


async def test_an_address_that_is_not_here() -> None:
    with pytest.raises(ConfigurationError, match=r"^cannot listen on port 0 of 192\.0\.2\.1: "):
        async with LocalECR(host="192.0.2.1"):
            pass


async def test_it_runs_once_at_a_time_and_again_afterwards() -> None:
    local = LocalECR()
    async with local:
        with pytest.raises(ConfigurationError, match="running already"):
            await local.__aenter__()
        await local.reset()
    async with local:
        await local.reset()


CALLS: list[Callable[[Any], Any]] = [
    lambda local: local.call(None),
    lambda local: local.fill([]),
    lambda local: local.reset(),
    lambda local: local.sweep(),
    lambda local: local.run_lifecycle_policies(),
]


@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_does_not_run(call: Callable[[Any], Any]) -> None:
    local = LocalECR()
    with pytest.raises(NotRunningError, match="within its `async with` block only"):
        await call(local)
    with pytest.raises(RuntimeError):
        _ = local.endpoint_url


async def test_an_invalid_request() -> None:
    async with LocalECR() as local:
        for request in (5, None, Fault):
            with pytest.raises(ValidationError, match=r"must be an object like DescribeImagesRequest"):
                await local.call(request)
            with pytest.raises(ValidationError, match=r"must be an object like DescribeImagesRequest"):
                await local.fill([request])
        with pytest.raises(ValidationError, match="requests: must be an iterable of requests, not int 5"):
            await local.fill(5)
        with pytest.raises(ConfigurationError, match="region must be a region's name"):
            await local.call(None, region="nowhere")


@pytest.mark.parametrize("fault", [5, "throttle", None])
def test_an_invalid_fault(fault: Any) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"^faults are objects like Fault\("),
        LocalECR().inject(fault),
    ):
        pass


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"times": "x"}, "a fault's times must be a whole number, not str"),
        ({"times": 1.5}, "a fault's times must be a whole number, not float"),
        ({"probability": math.nan}, "a fault's probability must be 0 to 1, not nan"),
        ({"seconds": math.inf}, "a fault's seconds must be 0 to 86400, not inf"),
        ({"status": None}, "a fault's status must be a whole number, not NoneType"),
        ({"operation": "describe_images"}, "a fault's operation must name an operation, such as"),
        ({"operation": 5}, "a fault's operation must name an operation, such as"),
        ({"code": 5}, "a fault's code must be a string, not int"),
        ({"after": "yes"}, "a fault's after must be True or False, not str"),
        ({"bytes_per_second": 0}, "a fault's bytes_per_second must be at least 1, not 0"),
    ],
)
def test_an_odd_fault(members: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Fault(kind="error", **members)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), ("x", 1), (math.nan, 1), (1, 0), (1, None)])
def test_an_odd_rate_limit(rate: Any, burst: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^a rate limit's (rate|burst) must be "):
        RateLimit(rate, burst)


def test_odd_settings_of_the_clock() -> None:
    clock: Any = LocalClock()
    odd: list[Callable[[], object]] = [
        lambda: clock.set("2026-01-01"),
        lambda: clock.advance("1 day"),
        lambda: clock.advance(math.nan),
        lambda: clock.advance(timedelta.max),
        lambda: setattr(clock, "skew", "x"),
        lambda: clock.frozen("x").__enter__(),
    ]
    for change in odd:
        with pytest.raises(ECRError):
            change()
    assert not clock.is_stopped

"""What credential processes, containers and instances supply: credentials, or a `CredentialsError` that
repeats nothing of it.
"""

import io
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse

from ecr_async._auth.chain_walk import walk
from ecr_async._auth.credentials import Credentials
from ecr_async.errors import CredentialsError
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import CANARY, rejected
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

KEYS = {"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": CANARY, "Expiration": "2099-01-01T00:00:00Z"}

Popen = Callable[..., Any]


def _walked(environ: Mapping[str, str], popen: Popen, sent: AbstractContextManager[Any]) -> str:
    variables = {
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
        "PATH": os.environ["PATH"],
        **environ,
    }
    with mock.patch.dict(os.environ, variables, clear=True), sent:
        try:
            found = walk(None, "eu-west-1", None, popen)
        except CredentialsError as error:
            return rejected(error, [CANARY])
    assert isinstance(found, Credentials)
    assert CANARY not in repr(found)
    return "credentials"


def _process(tried: bytes) -> str:
    """Of an input the length says whether the program fails."""
    process = SimpleNamespace(
        communicate=lambda *_, **__: (tried, b"no " + CANARY.encode()), returncode=int(len(tried) % 20 == 0)
    )
    config = folder_of("credentials") / "config"
    config.write_text("[default]\ncredential_process = keys\n")
    return _walked({"AWS_CONFIG_FILE": str(config)}, lambda *_, **__: process, nullcontext())


def _unstarted(*_: Any, **__: Any) -> Any:
    raise AssertionError("no process is started")


def _sent(answer: Callable[[str], bytes]) -> AbstractContextManager[Any]:
    """Have botocore's HTTP requests answered."""

    def send(_: object, request: Any) -> AWSResponse:
        body = answer(request.url)
        raw = SimpleNamespace(stream=lambda *_, **__: iter([body]), read=io.BytesIO(body).read)
        return AWSResponse(request.url, 200 if len(body) % 20 else 403, {}, raw)

    return mock.patch("botocore.httpsession.URLLib3Session.send", send)


def _container(tried: bytes) -> str:
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with mock.patch("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0):
        return _walked(environ, _unstarted, _sent(lambda _: tried))


def _instance(tried: bytes) -> str:
    def answer(url: str) -> bytes:
        if url.endswith("/security-credentials/"):
            return b"role"
        return b"token" if url.endswith("/token") else tried

    return _walked({}, _unstarted, _sent(answer))


def _target(name: str, try_input: Callable[[bytes], str], *documents: Mapping[str, Any]) -> Target:
    return Target(
        f"credentials {name}",
        [json.dumps(document).encode() for document in documents],
        try_input,
        words=[b'"AccessKeyId":', b'"Expiration":"', b'"Version":2', b'"Code":"', CANARY.encode()],
        share=2,
    )


TARGETS = [
    _target("process", _process, {"Version": 1, **KEYS, "SessionToken": CANARY}, {"Version": 1, **KEYS}),
    _target(
        "container", _container, {**KEYS, "Token": CANARY, "AccountId": "1"}, {"code": "x", "message": CANARY}
    ),
    _target(
        "instance",
        _instance,
        {**KEYS, "Token": CANARY, "Code": "Success"},
        {"Code": "Failed", "Message": CANARY},
    ),
]

"""What is said of each way in which botocore's chain fails: source, reason, what to do, and no secret."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import exceptions

from ecr_async._auth.chain_failures import Failure, rejection

CANARY = "CANARY-SECRET"
SESSION = SimpleNamespace(
    full_config={"profiles": {"prod": {"credential_process": f"/opt/bin/keys --token {CANARY}"}}}
)


def failed(message: str) -> exceptions.CredentialRetrievalError:
    return exceptions.CredentialRetrievalError(provider="x", error_msg=message)


@pytest.mark.parametrize(
    ("method", "error", "reason"),
    [
        ("custom-process", failed("Missing required key in response: 'SecretAccessKey'"), "SecretAccessKey"),
        ("custom-process", failed("Unsupported version '2'"), "printed a Version other than 1"),
        (
            "custom-process",
            json.JSONDecodeError("no", CANARY, 0),
            "printed something that is not a JSON object",
        ),
        ("custom-process", ValueError(CANARY), "printed an Expiration that is not a time"),
        ("custom-process", failed(CANARY), "failed; its output is withheld"),
        ("container-role", failed(f"non 200 response 403: {CANARY}"), "it responded with HTTP 403"),
        (
            "container-role",
            ValueError("Unsupported host 'example.com'."),
            "it may not be at host 'example.com'",
        ),
        ("container-role", ValueError("x is not a legal header value"), "holds a line end"),
        ("container-role", failed("Error attempting to retrieve metadata"), "no connection"),
        ("container-role", KeyError("AccessKeyId"), "its response lacks 'AccessKeyId'"),
        ("container-role", ValueError(CANARY), "its response is not a JSON object with credentials"),
        ("env", ValueError(CANARY), "AWS_CREDENTIAL_EXPIRATION is not a time"),
        ("env", RuntimeError(CANARY), "botocore raised RuntimeError, whose text may hold a secret"),
        ("shared-credentials-file", PermissionError(13, "denied", "/keys"), "/keys: denied"),
        ("assume-role", exceptions.EndpointConnectionError(endpoint_url="https://sts"), "no connection: "),
        ("assume-role", exceptions.NoRegionError(), "You must specify a region."),
        ("assume-role", exceptions.ParamValidationError(report="parameter RoleArn"), "is not a valid one"),
        (
            "sso",
            exceptions.SSLError(endpoint_url="https://sso", error=CANARY),
            "the certificate is not trusted",
        ),
        ("sso", RuntimeError(CANARY), "aws sso login --profile prod"),
    ],
)
def test_the_reason_is_given_without_a_secret(method: str, error: Exception, reason: str) -> None:
    failure = Failure(method, "prod", error)
    assert reason in failure.reason(SESSION)
    text = failure.text(SESSION)
    assert text.startswith("the AWS credentials could not be resolved")
    assert CANARY not in text


def test_without_a_command_that_can_be_split_the_program_has_no_name() -> None:
    session = SimpleNamespace(full_config={"profiles": {"prod": {"credential_process": "'"}}})
    assert Failure("custom-process", "prod", failed("")).reason(session).startswith("the command failed")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"Code": "AccessDenied", "Message": "User: x may not"}, "AccessDenied: User: x may not"),
        ({"Code": "ValidationError", "Message": "DurationSeconds exceeds"}, "maximum session duration"),
        ({}, "an unknown error"),
    ],
)
def test_a_rejection_says_what_to_do(error: dict[str, Any], words: str) -> None:
    assert words in rejection("AssumeRole", {"Error": error})

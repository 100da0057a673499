"""One tree of exceptions: what each says, what each can be caught as, and what each survives."""

import asyncio
import builtins
import copy
import pickle

import pytest

import ecr_async as ecr
from ecr_async.errors import CallError


@pytest.mark.parametrize(
    ("error", "ancestors"),
    [
        (ecr.ValidationError, [ecr.ECRError, ValueError]),
        (ecr.ConfigurationError, [ecr.ECRError]),
        (ecr.CredentialsError, [ecr.ECRError]),
        (ecr.SessionClosedError, [ecr.ECRError, RuntimeError]),
        (ecr.ServiceError, [ecr.CallError]),
        (ecr.ResponseError, [ecr.CallError]),
        (ecr.TransportError, [ecr.CallError]),
        (ecr.ConnectError, [ecr.TransportError]),
        (ecr.TimeoutError, [ecr.TransportError, builtins.TimeoutError, asyncio.TimeoutError]),
        (ecr.CallError, [ecr.ECRError]),
        (ecr.PaginationError, [ecr.ECRError]),
        (ecr.WaiterFailedError, [ecr.WaiterError]),
        (ecr.WaiterTimeoutError, [ecr.WaiterError, builtins.TimeoutError]),
        (ecr.WaiterError, [ecr.ECRError]),
        (ecr.RepositoryNotFoundException, [ecr.ServiceError]),
    ],
)
def test_what_an_error_can_be_caught_as(error: type[Exception], ancestors: list[type[Exception]]) -> None:
    assert [ancestor for ancestor in ancestors if not issubclass(error, ancestor)] == []


def test_a_calls_error_says_what_is_known() -> None:
    error = ecr.RepositoryNotFoundException(
        "No repository team/app.", operation="ListImages", status=400, request_id="7f3c", attempts=3
    )
    assert str(error) == (
        "ListImages: RepositoryNotFoundException: No repository team/app. "
        "(HTTP 400, request 7f3c, 3 attempts)"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert str(ecr.ConnectError("no connection: refused")) == "no connection: refused (1 attempt)"
    assert str(ecr.ServiceError("", code="Strange")) == "Strange (1 attempt)"


def test_a_validation_error_names_the_path_and_the_limit() -> None:
    error = ecr.ValidationError("image_ids[3].image_tag", "must be at most 300 characters long, not 301")
    assert str(error) == "image_ids[3].image_tag: must be at most 300 characters long, not 301"
    assert (error.path, error.operation) == ("image_ids[3].image_tag", None)


@pytest.mark.parametrize(
    "error",
    [
        ecr.ValidationError("max_results", "must be 1 to 1,000, not 0", operation="DescribeImages"),
        ecr.InvalidLayerPartException(
            "Gap.",
            code="InvalidLayerPartException",
            details={"lastValidByteReceived": 5},
            operation="UploadLayerPart",
            status=400,
            request_id="7f3c",
            attempts=2,
            retry_after=1.5,
        ),
        ecr.ServiceError("No.", code="Strange", details={"more": [1]}),
        ecr.ResponseError("not the service's", body=b"<html>", status=502),
        ecr.TimeoutError("no response in time"),
        ecr.WaiterFailedError("FAILED", last_response=ecr.GetLifecyclePolicyPreviewResponse(status="FAILED")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_between_processes_with_all_that_it_knows(error: Exception) -> None:
    for travelled in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(travelled) is type(error)
        assert str(travelled) == str(error)
        assert travelled.args == error.args
        assert vars(travelled) == vars(error)


def test_the_members_of_a_modelled_error_are_attributes() -> None:
    error = ecr.KmsException("Denied.", details={"kmsError": "AccessDeniedException", "more": 1})
    assert error.kms_error == "AccessDeniedException"
    assert error.details == {"kmsError": "AccessDeniedException", "more": 1}
    assert ecr.KmsException("Denied.").kms_error is None


def test_every_error_of_a_call_has_the_same_fields() -> None:
    def leaves(error: type[CallError]) -> list[type[CallError]]:
        return [leaf for child in error.__subclasses__() for leaf in [child, *leaves(child)]]

    for kind in leaves(CallError):
        error = kind(
            "words", operation="ListImages", status=500, request_id="7f3c", attempts=2, retry_after=0.1
        )
        assert error.message == "words"
        assert (error.operation, error.status, error.request_id) == ("ListImages", 500, "7f3c")
        assert (error.attempts, error.retry_after) == (2, 0.1)


def test_a_response_error_keeps_only_the_beginning_of_a_body() -> None:
    assert ecr.ResponseError("not the service's", body=b"x" * 5000).body == b"x" * 1024

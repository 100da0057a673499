"""Whatever the service rejects a request with, in whichever spelling, becomes the right exception."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

import ecr_async
from ecr_async import ResponseError, ServiceError, api
from ecr_async._wire import codec
from ecr_async._wire.redaction import Redactor
from ecr_async.errors import CallError
from tests.conformance import strategies
from tests.conformance.test_requests import operation_of

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": "{}".format,
    "namespaced": "com.amazonaws.ecr.v20150921#{}".format,
    "with a URL": "{}:http://internal.amazon.com/coral/com.amazonaws.ecr/".format,
    "namespaced, with a URL": "com.amazonaws.ecr.v20150921#{}:http://internal.amazon.com/coral/".format,
    "with a URL that has a fragment": "{}:http://internal.amazon.com/errors#code".format,
}
OPERATION = "DescribeImages"


def understood(
    document: Any, *, operation: str = OPERATION, status: int = 400, error_type: str | None = None
) -> CallError:
    """Our exception for a response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
    if error_type is not None:
        headers["X-Amzn-ErrorType"] = error_type
    return codec.decode_error(
        operation_of(operation), status, headers, body, find_error=api.error_named, redactor=Redactor()
    )


def by_botocore(document: Any) -> tuple[str, str]:
    """The code and the message that botocore reads out of an error."""
    response = create_parser("json").parse(
        {"status_code": 400, "headers": {}, "body": json.dumps(document).encode()},
        strategies.operation(OPERATION).output_shape,
    )
    return response["Error"]["Code"], response["Error"]["Message"]


KNOWS_URLS = by_botocore({"__type": "A:http://b/"})[0] == "A"
"""Whether the installed botocore is one of those that cut the URL off."""


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("name", strategies.ERRORS)
def test_every_modelled_error_is_its_class_in_every_spelling(
    name: str, spelling: Callable[[str], str]
) -> None:
    document = {"__type": spelling(name), "message": "No."}
    error = understood(document)
    assert type(error) is getattr(ecr_async, name)
    assert isinstance(error, ServiceError)
    assert (error.code, error.message) == (name, "No.")
    if KNOWS_URLS or ":" not in document["__type"]:
        assert by_botocore(document) == (name, "No.")
    assert (error.operation, error.status) == (OPERATION, 400)
    assert error.details == {}
    assert str(error) == f"{OPERATION}: {name}: No. (HTTP 400, 1 attempt)"


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("name", strategies.ERRORS)
def test_the_type_may_stand_in_the_header_only(name: str, spelling: Callable[[str], str]) -> None:
    error = understood({"message": "No."}, error_type=spelling(name))
    assert type(error) is getattr(ecr_async, name)
    assert error.message == "No."


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html/>"])
def test_with_the_type_in_the_header_the_body_may_be_anything(body: bytes) -> None:
    error = understood(body, error_type="ServerException")
    assert type(error) is ecr_async.ServerException
    assert error.message == ""
    assert str(error) == f"{OPERATION}: ServerException (HTTP 400, 1 attempt)"


def errors_declared() -> list[tuple[str, str]]:
    return [
        (name, error.name)
        for name in strategies.OPERATIONS
        for error in strategies.operation(name).error_shapes
    ]


@pytest.mark.parametrize(("operation", "name"), errors_declared())
def test_an_operation_declares_what_its_model_declares(operation: str, name: str) -> None:
    declared = operation_of(operation).error_named(name)
    assert declared is getattr(ecr_async, name)
    assert type(understood({"__type": name}, operation=operation)) is declared


@given(st.from_regex(r"[A-Za-z]{1,30}", fullmatch=True), st.text())
def test_an_error_that_nobody_knows_is_a_service_error_of_its_name(code: str, message: str) -> None:
    document = {"__type": f"com.amazonaws.ecr#{code}", "message": message}
    error = understood(document)
    assert isinstance(error, ServiceError)
    assert (error.code, error.message) == (code, message) == by_botocore(document)


@pytest.mark.parametrize(
    "name", ["ListImagesRequest", "Image", "describe_images", "TagStatus", "HOMES", "ServiceError", "Session"]
)
def test_an_error_that_is_called_like_something_else_of_ours_is_a_plain_service_error(name: str) -> None:
    error = understood({"__type": name})
    assert type(error) is ServiceError
    assert error.code == name


@pytest.mark.parametrize("key", ["message", "Message"])
def test_the_message_has_two_spellings(key: str) -> None:
    document = {"__type": "ServerException", key: "Try again."}
    error = understood(document)
    assert (error.message, error.args) == ("Try again.", ("Try again.",))
    assert by_botocore(document) == ("ServerException", "Try again.")


@pytest.mark.parametrize(("message", "text"), [(None, ""), ("", ""), (5, "5"), (["a"], "")])
def test_a_message_is_text_whatever_it_was(message: Any, text: str) -> None:
    assert understood({"__type": "ServerException", "message": message}).message == text


def test_the_members_of_invalid_layer_part_are_attributes() -> None:
    members = {
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "uploadId": "c7b4",
        "lastValidByteReceived": 5242879,
    }
    error = understood({"__type": "InvalidLayerPartException", "message": "Gap.", **members})
    assert isinstance(error, ecr_async.InvalidLayerPartException)
    assert error.registry_id == "123456789012"
    assert error.repository_name == "team/app"
    assert error.upload_id == "c7b4"
    assert error.last_valid_byte_received == 5242879
    assert error.details == members


def test_the_members_of_kms_exception_are_attributes() -> None:
    error = understood({"__type": "KmsException", "message": "Denied.", "kmsError": "AccessDeniedException"})
    assert isinstance(error, ecr_async.KmsException)
    assert error.kms_error == "AccessDeniedException"


def test_modelled_members_that_did_not_come_are_none() -> None:
    error = understood({"__type": "InvalidLayerPartException"})
    assert isinstance(error, ecr_async.InvalidLayerPartException)
    assert error.last_valid_byte_received is None
    assert error.details == {}


def test_members_that_no_model_has_are_in_the_details() -> None:
    error = understood({"__type": "ServerException", "message": "No.", "retryable": True})
    assert isinstance(error, ServiceError)
    assert error.details == {"retryable": True}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>502 Bad Gateway</h1></html>",
        b"[]",
        b'"text"',
        b"null",
        b"\xff",
    ],
)
@pytest.mark.parametrize("status", [301, 403, 502])
def test_without_a_type_it_is_not_the_services_response(body: bytes, status: int) -> None:
    error = understood(body, status=status)
    assert type(error) is ResponseError
    assert (error.body, error.status) == (body, status)
    assert error.message == "the response is not the service's (application/x-amz-json-1.1)"


@pytest.mark.parametrize("key", ["message", "Message"])
def test_a_message_without_a_type_is_not_hidden(key: str) -> None:
    error = understood({key: "Forbidden"}, status=403)
    assert type(error) is ResponseError
    assert error.message == "the response is not the service's (application/x-amz-json-1.1): Forbidden"


def test_of_a_body_that_is_not_the_services_only_the_beginning_is_kept() -> None:
    error = understood(b"<" + b"x" * 5000, status=502)
    assert isinstance(error, ResponseError)
    assert len(error.body) == 1024


@given(st.binary(), st.sampled_from([None, "ServerException", ":", "#", "a#", ":b"]))
def test_no_response_makes_decoding_fail(body: bytes, error_type: str | None) -> None:
    assert isinstance(understood(body, error_type=error_type), CallError)


def test_of_an_error_that_is_a_document_of_many_bytes_nothing_is_parsed() -> None:
    page = b'{"__type": "ServerException", "message": [%b0]}' % (b"0, " * codec.ERROR_SIZE_MAX)
    error = understood(page, status=502)
    assert isinstance(error, ResponseError)
    assert str(error).startswith(
        "DescribeImages: the response is not the service's (application/x-amz-json-1.1) (HTTP 502"
    )


@pytest.mark.parametrize("wish", ["1500", "0", "9" * 5000, "soon", "-1", ""])
def test_the_services_wish_for_a_pause_is_in_seconds(wish: str) -> None:
    headers = CIMultiDict({"x-amz-retry-after": wish})
    error = codec.decode_error(
        operation_of(OPERATION),
        503,
        headers,
        b'{"__type": "ServerException"}',
        find_error=api.error_named,
        redactor=Redactor(),
    )
    assert error.retry_after == {"1500": 1.5, "0": 0.0, "9" * 5000: float("inf")}.get(wish)

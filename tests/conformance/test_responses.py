"""What we understand is what botocore understands, for every operation and whatever the response."""

import copy
import json
import pickle
from typing import Any

import pytest
from botocore.model import Shape
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async import ResponseError
from ecr_async._wire import codec, stepwise
from tests.conformance import strategies
from tests.conformance.test_requests import operation_of
from tests.conformance.translation import from_ours, normal


def parsed(shape: Shape, body: bytes) -> dict[str, Any]:
    """What botocore makes of a response."""
    response: dict[str, Any] = create_parser("json").parse(
        {"status_code": 200, "headers": {}, "body": body}, shape
    )
    del response["ResponseMetadata"]
    return response


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_the_response_is_botocores(name: str) -> None:
    shape, operation = strategies.operation(name).output_shape, operation_of(name)

    @settings(max_examples=60)
    @given(strategies.responses(name), st.booleans())
    def check(document: dict[str, Any], escaped: bool) -> None:
        body = json.dumps(document, ensure_ascii=escaped).encode()
        response = codec.decode(operation, body)
        assert normal(shape, from_ours(shape, response)) == normal(shape, parsed(shape, body))

    check()


def in_steps(operation: Any, body: bytes) -> Any:
    """Decode as a large response is decoded, whatever its size."""
    steps = codec.decode_in_steps(operation, body)
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value


@pytest.mark.parametrize("page_size", [stepwise.PAGE_SIZE_MAX, 0])
@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_decoded_in_steps_the_response_is_the_same(
    name: str, page_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = operation_of(name)
    monkeypatch.setattr(stepwise, "PAGE_SIZE_MAX", page_size)
    monkeypatch.setattr(stepwise, "ITEM_SIZE_MAX", 20)
    monkeypatch.setattr(stepwise, "STEP", 100)

    @settings(max_examples=15)
    @given(strategies.responses(name))
    def check(document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        assert in_steps(operation, body) == codec.decode(operation, body)

    check()


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_a_response_is_a_value(name: str) -> None:
    """It equals another of the same bytes, can be hashed, copied and pickled, and cannot be changed."""
    operation = operation_of(name)

    @settings(max_examples=10)
    @given(strategies.responses(name))
    def check(document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        response = codec.decode(operation, body)
        assert type(response) is operation.response
        assert response == codec.decode(operation, body)
        assert hash(response) == hash(codec.decode(operation, body))
        assert copy.deepcopy(response) == pickle.loads(pickle.dumps(response)) == response
        assert repr(response).startswith(f"{operation.response.__name__}(")
        for field in operation.response.__slots__:
            with pytest.raises(AttributeError):
                setattr(response, field, None)

    check()


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_an_empty_body_is_a_response_in_which_everything_is_absent(name: str) -> None:
    operation = operation_of(name)
    assert codec.decode(operation, b"") == codec.decode(operation, b"{}") == operation.response()


@pytest.mark.parametrize("name", strategies.OPERATIONS)
@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b'{"nextToken": "a', b"[]", b"null", b'"text"', b"1", b"\xff"]
)
def test_a_success_with_another_body_is_a_response_error_without_that_body(name: str, body: bytes) -> None:
    with pytest.raises(ResponseError) as caught:
        codec.decode(operation_of(name), body)
    assert caught.value.body == b""
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "details",
    [
        b'[{"imagePushedAt": "yesterday"}]',
        b'[{"imagePushedAt": 1e12}]',
        b'[{"imagePushedAt": 1e17}]',
        b'[{"imagePushedAt": -1e19}]',
        b'[{"imagePushedAt": [1]}]',
        b'[{"imageTags": 1}]',
        b'[{"imageScanStatus": "COMPLETE"}]',
        b"[1]",
        b"1",
        b'"text"',
    ],
)
def test_a_response_of_another_shape_is_a_response_error(details: bytes) -> None:
    with pytest.raises(ResponseError):
        codec.decode(operation_of("DescribeImages"), b'{"imageDetails": %b}' % details)


def test_moments_are_exact_to_the_microsecond_and_in_utc() -> None:
    body = b'{"imageDetails": [{"imagePushedAt": 1700000000.123456}]}'
    response: ecr.DescribeImagesResponse = codec.decode(operation_of("DescribeImages"), body)
    pushed = response.image_details[0].image_pushed_at
    assert pushed is not None
    assert pushed.isoformat() == "2023-11-14T22:13:20.123456+00:00"

"""What the embedded ECR understands is what botocore sends, for every operation; anything else it rejects."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_async import ServiceError
from ecr_async.local.awsjson.requests import read_request
from tests.conformance import strategies
from tests.conformance.test_requests import clashes, operation_of, serialized
from tests.conformance.translation import to_ours


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_a_request_is_read_as_botocore_wrote_it(name: str) -> None:
    model, operation = strategies.operation(name), operation_of(name)

    @settings(max_examples=30)
    @given(strategies.requests(name))
    def check(parameters: dict[str, Any]) -> None:
        body: bytes = serialized(model, parameters)["body"]
        if clashes(name, parameters):
            with pytest.raises(ServiceError) as caught:
                read_request(operation, body)
            assert caught.value.code == "InvalidParameterException"
        else:
            assert read_request(operation, body) == to_ours(model.input_shape, parameters)

    check()


OTHER_TYPES: dict[str, Any] = {
    "structure": "text",
    "list": {"0": "text"},
    "string": 5,
    "integer": "5",
    "boolean": 1,
    "blob": 5,
}
"""A value that is not of a type, by the type."""


@pytest.mark.parametrize(
    "name", [each for each in strategies.OPERATIONS if strategies.operation(each).input_shape.members]
)
def test_a_value_of_another_type_is_rejected(name: str) -> None:
    model, operation = strategies.operation(name), operation_of(name)
    members = model.input_shape.members

    @settings(max_examples=10)
    @given(strategies.requests(name), st.sampled_from(sorted(members)))
    def check(parameters: dict[str, Any], member: str) -> None:
        document = json.loads(serialized(model, parameters)["body"])
        kind = members[member].type_name.replace("long", "integer")
        document[member] = OTHER_TYPES[kind]
        with pytest.raises(ServiceError) as caught:
            read_request(operation, json.dumps(document).encode())
        assert caught.value.code == "SerializationException"

    check()


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_rejected(body: bytes) -> None:
    for name in ("DescribeRepositories", "UploadLayerPart"):
        with pytest.raises(ServiceError) as caught:
            read_request(operation_of(name), body)
        assert caught.value.code == "SerializationException"

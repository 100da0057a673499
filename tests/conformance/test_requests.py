"""What we send is what botocore sends, for every operation and whatever its model admits."""

import asyncio
import inspect
import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import OperationModel
from botocore.serialize import create_serializer
from hypothesis import given, settings

import ecr_async
from ecr_async import ValidationError
from ecr_async._auth.signing import CONTENT_TYPE
from ecr_async._wire import codec
from ecr_async._wire.operation import AnyOperation
from tests.conformance import strategies
from tests.conformance.translation import to_ours

NAMED_ELEMENTS = {
    "DescribeImages": "imageIds",
    "DescribeRepositories": "repositoryNames",
    "GetLifecyclePolicyPreview": "imageIds",
}
"""Where the API reference says that maxResults and nextToken cannot be used, and with which member."""


class Recorder(ecr_async.Service):
    """A service that keeps what an operation's function hands it, and returns an empty response."""

    called: AnyOperation
    request: Any

    def __init__(self) -> None:
        pass

    async def call(self, operation: AnyOperation, request: Any) -> Any:
        self.called, self.request = operation, request


def operation_of(name: str) -> AnyOperation:
    """What the public function of an operation hands to the service."""
    function = getattr(ecr_async, xform_name(name))
    assert inspect.iscoroutinefunction(function)
    recorder, request = Recorder(), object()
    asyncio.run(function(recorder, request))
    assert recorder.request is request
    return recorder.called


def serialized(model: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
    """The request that botocore makes; it checks the parameters as its client does."""
    request: dict[str, Any] = create_serializer("json").serialize_to_request(parameters, model)
    return request


def clashes(name: str, parameters: dict[str, Any]) -> bool:
    named = NAMED_ELEMENTS.get(name)
    return named in parameters and not parameters.keys().isdisjoint({"maxResults", "nextToken"})


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_the_body_is_botocores(name: str) -> None:
    model, operation = strategies.operation(name), operation_of(name)

    @settings(max_examples=60)
    @given(strategies.requests(name))
    def check(parameters: dict[str, Any]) -> None:
        request = to_ours(model.input_shape, parameters)
        if clashes(name, parameters):
            with pytest.raises(ValidationError, match="cannot be sent together with"):
                codec.encode(operation, request)
        else:
            body = codec.encode(operation, request)
            assert json.loads(body) == json.loads(serialized(model, parameters)["body"])

    check()


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_method_path_and_headers_are_botocores(name: str) -> None:
    model = strategies.operation(name)
    request = create_serializer("json", include_validation=False).serialize_to_request({}, model)
    assert request["method"] == "POST"
    assert request["url_path"] == "/"
    assert not request["query_string"]
    assert request["headers"] == {"X-Amz-Target": operation_of(name).target, "Content-Type": CONTENT_TYPE}


@pytest.mark.parametrize(("name", "member"), NAMED_ELEMENTS.items())
@pytest.mark.parametrize(("paging", "value"), [("maxResults", 10), ("nextToken", "token")])
def test_pages_and_named_elements_do_not_go_together(
    name: str, member: str, paging: str, value: object
) -> None:
    elements: list[Any] = ["team/app"] if member == "repositoryNames" else [{"imageTag": "latest"}]
    parameters = {member: elements, paging: value}
    if name != "DescribeRepositories":
        parameters["repositoryName"] = "team/app"
    model = strategies.operation(name)
    assert clashes(name, parameters)
    with pytest.raises(ValidationError) as caught:
        codec.encode(operation_of(name), to_ours(model.input_shape, parameters))
    assert caught.value.path == xform_name(paging)
    assert caught.value.limit == f"cannot be sent together with {xform_name(member)}"
    assert caught.value.operation == name

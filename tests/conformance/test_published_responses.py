"""Responses of ECR's API that people published, read as boto3 reads them."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.model import Shape
from botocore.parsers import create_parser
from multidict import CIMultiDict

from ecr_async import api
from ecr_async._wire import codec
from ecr_async._wire.redaction import Redactor
from ecr_async.errors import ResponseError, ServiceError
from tests.conformance import strategies
from tests.conformance.test_requests import operation_of
from tests.conformance.translation import from_ours, normal
from tests.published import published


@published("responses")
def test_it_is_read_as_boto3_reads_it(published: Path) -> None:
    document = json.loads(published.read_text())
    if document["operation"] not in strategies.OPERATIONS:
        pytest.skip("botocore is older than the operation")
    wire, status = document["wire"], document["status"]
    body = wire.encode(errors="surrogatepass") if isinstance(wire, str) else json.dumps(wire).encode()
    shape = strategies.operation(document["operation"]).output_shape
    operation = operation_of(document["operation"])
    headers = CIMultiDict(document["headers"])
    if status != 200:
        error = codec.decode_error(
            operation, status, headers, body, find_error=api.error_named, redactor=Redactor()
        )
        theirs = _by_botocore(shape, status, body)["Error"]
        assert error.message.endswith(theirs["Message"] or "")
        if theirs["Code"] != str(status):  # which botocore takes where the body names no type
            assert isinstance(error, ServiceError)
            assert error.code == theirs["Code"].partition(":")[0]  # which older ones leave there
        return
    try:
        expected = _readable(_by_botocore(shape, status, body))
    except (TypeError, ValueError):
        with pytest.raises(ResponseError):
            codec.decode(operation, body)
        return
    assert normal(shape, from_ours(shape, codec.decode(operation, body))) == normal(shape, expected)


def _by_botocore(shape: Shape, status: int, body: bytes) -> dict[str, Any]:
    response = {"status_code": status, "headers": {}, "body": body}
    parsed: dict[str, Any] = create_parser("json").parse(response, shape)
    del parsed["ResponseMetadata"]
    return parsed


def _readable(value: Any) -> Any:
    """Take out what we read otherwise: nulls in lists, and halves of surrogate pairs."""
    if isinstance(value, dict):
        return {name: _readable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value if item is not None]
    return (
        value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, str)
        else value
    )

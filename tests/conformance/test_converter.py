"""The cattrs converter: from boto3's dictionaries and the AWS CLI's output to objects, and back."""

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

import ecr_async as ecr
from ecr_async._wire import codec
from tests.conformance import strategies
from tests.conformance.test_requests import operation_of
from tests.conformance.test_responses import parsed

CONVERTER = ecr.make_converter()


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_what_boto3_returns_is_the_response_that_a_call_returns(name: str) -> None:
    shape: Any = strategies.operation(name).output_shape
    operation = operation_of(name)

    @settings(max_examples=15)
    @given(strategies.responses(name))
    def check(document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        response = codec.decode(operation, body)
        assert CONVERTER.structure(parsed(shape, body), operation.response) == response
        written = json.loads(json.dumps(CONVERTER.unstructure(response)))
        assert CONVERTER.structure(written, operation.response) == response

    check()


@attrs.frozen
class Snapshot:
    repository: ecr.Repository
    images: list[ecr.ImageDetail]
    taken_at: datetime = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_types_may_be_in_classes_of_ones_own() -> None:
    image = ecr.ImageDetail(image_tags=("v1",), image_pushed_at=datetime(2026, 1, 1, tzinfo=UTC))
    snapshot = Snapshot(ecr.Repository(repository_name="team/app"), [image])
    document = CONVERTER.unstructure(snapshot)
    assert document["images"] == [{"imageTags": ["v1"], "imagePushedAt": "2026-01-01T00:00:00+00:00"}]
    converter = ecr.make_converter()
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    assert converter.structure(json.loads(json.dumps(document)), Snapshot) == snapshot


def test_a_request_is_made_of_boto3s_arguments() -> None:
    arguments = {"repositoryName": "team/app", "imageIds": [{"imageTag": "v1"}], "unknown": 1}
    expected = ecr.DescribeImagesRequest("team/app", image_ids=[ecr.ImageIdentifier(image_tag="v1")])
    assert CONVERTER.structure(arguments, ecr.DescribeImagesRequest) == expected
    assert CONVERTER.structure(expected, ecr.DescribeImagesRequest) is expected


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"repositories": [{"createdAt": "secret"}]},
            "repositories[0].createdAt: must be a time, in ISO 8601 or in seconds since 1970",
        ),
        ({"repositories": "secret"}, "repositories: must be a list, not a string"),
        (
            {"repositories": [{"repositoryName": object()}]},
            "repositories[0].repositoryName: must be a string, not object",
        ),
        ([], "DescribeRepositoriesResponse: must be an object, not a list"),
        (None, "DescribeRepositoriesResponse: must be an object, not null"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(document: Any, message: str) -> None:
    with pytest.raises(ecr.ValidationError) as caught:
        CONVERTER.structure(document, ecr.DescribeRepositoriesResponse)
    assert str(caught.value) == message


def test_a_time_without_a_zone_is_utc() -> None:
    document = {"imagePushedAt": datetime(2026, 1, 1, 12)}
    pushed_at = CONVERTER.structure(document, ecr.ImageDetail).image_pushed_at
    assert pushed_at == datetime(2026, 1, 1, 12, tzinfo=UTC)

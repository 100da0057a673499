"""Long lists, whose objects are decoded by the members that the first one has."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async._wire import codec
from ecr_async._wire.decoding import LONG_LIST, SHAPES_MAX
from ecr_async.api.images import DESCRIBE_IMAGES
from ecr_async.api.pull_through_cache import DESCRIBE_PULL_THROUGH_CACHE_RULES

digests = st.text("0123456789abcdef", min_size=8, max_size=8)
times = st.floats(0, 4e9)
images = st.fixed_dictionaries(
    {},
    optional={
        "imageDigest": digests | st.none(),
        "imageTags": st.lists(digests, max_size=2) | st.none(),
        "imageSizeInBytes": st.integers(0, 2**40),
        "imagePushedAt": times | st.none(),
        "lastRecordedPullTime": times,
        "imageScanFindingsSummary": st.fixed_dictionaries(
            {}, optional={"vulnerabilitySourceUpdatedAt": times}
        ),
        "memberOfTomorrow": st.booleans(),
        "another": st.none(),
    },
)


def decoded(items: list[Any]) -> tuple[ecr.ImageDetail, ...]:
    return codec.decode(DESCRIBE_IMAGES, orjson.dumps({"imageDetails": items})).image_details


@given(images, st.lists(images, max_size=8))
def test_an_object_is_decoded_as_it_would_be_alone(
    first: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    items = [first, *others, *[first] * LONG_LIST]
    expected = [image for item in items for image in decoded([item])]
    assert list(decoded(items)) == expected


def test_as_many_members_are_not_the_same_members() -> None:
    alike = {"imageDigest": "sha256:1", "registryId": "1"}
    other = {"imageDigest": "sha256:2", "imageSizeInBytes": 2}
    last = decoded([*[alike] * LONG_LIST, other])[-1]
    assert last == ecr.ImageDetail(image_digest="sha256:2", image_size_in_bytes=2)


def test_more_members_are_not_overlooked() -> None:
    alike = {"imageDigest": "sha256:1", "registryId": "1"}
    last = decoded([*[alike] * LONG_LIST, {**alike, "imageSizeInBytes": 2}])[-1]
    assert last == ecr.ImageDetail(image_digest="sha256:1", registry_id="1", image_size_in_bytes=2)


def test_maps_that_are_absent_are_not_shared() -> None:
    summary = {"imageScanCompletedAt": 1.5, "vulnerabilitySourceUpdatedAt": 2.5}
    found = decoded([{"registryId": "1", "imageScanFindingsSummary": summary}] * LONG_LIST)
    counts = [image.image_scan_findings_summary.finding_severity_counts for image in found]  # type: ignore[union-attr]
    assert len({id(each) for each in counts}) == LONG_LIST


@pytest.mark.parametrize("wrong", [None, 7, "text", [], ["imageDigest", "registryId"]])
def test_what_is_no_object_is_an_answer_that_does_not_fit(wrong: Any) -> None:
    right = {"imageDigest": "sha256:1", "registryId": "1"}
    for items in ([*[right] * LONG_LIST, wrong], [wrong] * LONG_LIST):
        with pytest.raises(ecr.ResponseError, match="does not fit the API's model"):
            decoded(items)


def test_a_list_of_ever_other_shapes_comes_out_right() -> None:
    for number in range(2 * SHAPES_MAX):
        item = {"imageDigest": f"sha256:{number}", f"memberOfTomorrow{number}": 1}
        assert decoded([item] * LONG_LIST) == (ecr.ImageDetail(image_digest=f"sha256:{number}"),) * LONG_LIST


def test_rules_of_a_long_list() -> None:
    body = {"pullThroughCacheRules": [{"ecrRepositoryPrefix": "hub", "createdAt": 1.5}] * LONG_LIST}
    rules = codec.decode(DESCRIBE_PULL_THROUGH_CACHE_RULES, orjson.dumps(body)).pull_through_cache_rules
    assert len(rules) == LONG_LIST
    assert {
        (rule.ecr_repository_prefix, rule.created_at.timestamp()) for rule in rules if rule.created_at
    } == {("hub", 1.5)}

"""What a response may be like, and what is named when it isn't: by hand, where conformance tests draw at
random.
"""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async._wire import codec, stepwise, surrogates
from ecr_async._wire.operation import Operation
from ecr_async._wire.outline import Outline, divided
from ecr_async.api.images import DESCRIBE_IMAGES
from ecr_async.api.referrers import LIST_IMAGE_REFERRERS
from ecr_async.api.replication import PUT_REPLICATION_CONFIGURATION
from ecr_async.api.repositories import DESCRIBE_REPOSITORIES
from ecr_async.api.scanning import DESCRIBE_IMAGE_SCAN_FINDINGS
from ecr_async.errors import ResponseError

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text('a,[]{}"\\:\u00e9', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('a,"\\', max_size=3), inner, max_size=3)
    ),
)

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def in_steps(operation: Operation[Any, Any], body: bytes) -> Any:
    """Decode as a large response is decoded."""
    steps = codec.decode_in_steps(operation, body)
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value


decoders = pytest.mark.parametrize("decode", [codec.decode, in_steps])
Decode = Callable[[Operation[Any, Any], bytes], Any]


def image(decode: Decode, members: str) -> ecr.ImageDetail:
    """The only image of a page, of which the members are given as they come."""
    response = decode(DESCRIBE_IMAGES, b'{"imageDetails": [{%s}]}' % members.encode())
    (detail,) = response.image_details
    assert isinstance(detail, ecr.ImageDetail)
    return detail


def failure(decode: Decode, operation: Operation[Any, Any], body: bytes) -> str:
    with pytest.raises(ResponseError) as caught:
        decode(operation, body)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "which holds the body"
    assert not caught.value.truncated
    return caught.value.message


# ---------------------------------------------------------------------------- what is read although it is
# unusual


@decoders
@pytest.mark.parametrize(
    "time",
    [
        "1715947200",
        "1715947200.0",
        '"1715947200"',
        '"1715947200.000"',
        '"2024-05-17T12:00:00Z"',
        '"2024-05-17T12:00:00.000Z"',
        '"2024-05-17T14:00:00+02:00"',
        '"2024-05-17 12:00:00+00:00"',
        '"2024-05-17T12:00:00"',
        '"Fri, 17 May 2024 12:00:00 GMT"',
        '"Fri, 17 May 2024 14:00:00 +0200"',
        '"20240517T120000Z"',
    ],
)
def test_a_time_may_be_written_in_many_ways(decode: Decode, time: str) -> None:
    assert image(decode, f'"imagePushedAt": {time}').image_pushed_at == NOON


@decoders
@pytest.mark.parametrize("size", ["12", "12.0", "1.2e1", '"12"', '"12.0"', '"1.2e1"'])
def test_a_whole_number_may_be_written_in_many_ways(decode: Decode, size: str) -> None:
    found = image(decode, f'"imageSizeInBytes": {size}').image_size_in_bytes
    assert found == 12
    assert type(found) is int


@decoders
@pytest.mark.parametrize(
    ("members", "found"),
    [
        ('"imagePushedAt": "2024-05-17T14:00:00+02:00"', NOON.astimezone(timezone(timedelta(hours=2)))),
        (
            '"imagePushedAt": "0001-01-01T00:00:00+10:00"',
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10))),
        ),
        ('"imageSizeInBytes": "12.0"', 12),
        ('"imageSizeInBytes": "1e3"', 1000),
    ],
)
def test_what_a_value_is_depends_on_no_other(decode: Decode, members: str, found: object) -> None:
    for others in ('"imageTags": []', '"imageTags": [null]', '"registryId": "\\ud800"'):
        detail = image(decode, f"{members}, {others}")
        value = detail.image_pushed_at or detail.image_size_in_bytes
        assert value == found
        assert repr(getattr(value, "tzinfo", None)) == repr(getattr(found, "tzinfo", None))


@decoders
def test_nulls_are_absent_also_in_lists_and_maps(decode: Decode) -> None:
    counts = '"imageScanFindingsSummary": {"findingSeverityCounts": {"HIGH": 2, "LOW": null}}'
    found = image(decode, f'"imageTags": [null, "v1", null], "registryId": null, {counts}')
    assert found == ecr.ImageDetail(
        image_tags=("v1",),
        image_scan_findings_summary=ecr.ImageScanFindingsSummary(finding_severity_counts={"HIGH": 2}),
    )
    response = decode(DESCRIBE_IMAGES, b'{"imageDetails": [null, {"registryId": "1"}], "nextToken": null}')
    assert response == ecr.DescribeImagesResponse((ecr.ImageDetail(registry_id="1"),))


@decoders
def test_a_required_member_that_is_missing_is_empty(decode: Decode) -> None:
    response = decode(LIST_IMAGE_REFERRERS, b'{"referrers": [{"digest": "sha256:0", "mediaType": null}]}')
    assert response.referrers == (ecr.ImageReferrer(digest="sha256:0", media_type="", size=0),)


@decoders
def test_a_required_flag_that_is_null_is_false(decode: Decode) -> None:
    body = b'{"replicationConfiguration": {"rules": [{"destinations": [], "deleteReplication": {"enabled": null}}]}}'
    (rule,) = decode(PUT_REPLICATION_CONFIGURATION, body).replication_configuration.rules
    assert rule.delete_replication == ecr.DeleteReplication(enabled=False)


@decoders
def test_half_a_surrogate_pair_is_replaced_and_the_page_kept(decode: Decode) -> None:
    tags = r'"imageTags": ["a\ud83d", "\ud83d\ude00", "\\ud83d", "\ude00\ud83d", "\uD83Dx\n"]'
    assert image(decode, tags).image_tags == ("a\ufffd", "\U0001f600", r"\ud83d", "\ufffd\ufffd", "\ufffdx\n")


@decoders
def test_a_byte_order_mark_is_skipped(decode: Decode) -> None:
    assert decode(DESCRIBE_IMAGES, b'\xef\xbb\xbf{"nextToken": "a"}').next_token == "a"


@decoders
def test_members_that_nobody_knows_may_be_anything(decode: Decode) -> None:
    assert image(decode, '"registryId": "1", "new": [{"a": [1, null]}], "": 2') == ecr.ImageDetail("1")


# ---------------------------------------------------------------------------- what is rejected


@decoders
@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ('"imageTags": "abc"', "imageTags must be a list, not a string"),
        ('"imageTags": {}', "imageTags must be a list, not an object"),
        ('"imageTags": ["a", 1]', "imageTags[1] must be a string, not a number"),
        ('"registryId": 123456789012', "registryId must be a string, not a number"),
        ('"registryId": true', "registryId must be a string, not a boolean"),
        ('"imagePushedAt": true', "imagePushedAt must be a number, not a boolean"),
        (
            '"imagePushedAt": "yesterday"',
            "imagePushedAt must be a time, in ISO 8601 or in seconds since 1970",
        ),
        ('"imagePushedAt": 1e12', "imagePushedAt must be a time between the years 1 and 9999"),
        ('"imagePushedAt": "1e12"', "imagePushedAt must be a time between the years 1 and 9999"),
        ('"imagePushedAt": [1]', "imagePushedAt must be a number, not a list"),
        ('"imageSizeInBytes": "twelve"', "imageSizeInBytes must be an integer, not a string"),
        ('"imageSizeInBytes": true', "imageSizeInBytes must be an integer, not a boolean"),
        ('"imageSizeInBytes": 1.5', "imageSizeInBytes must be an integer, not a number"),
        ('"imageSizeInBytes": 9223372036854775808', "imageSizeInBytes must fit into 64 bits"),
        ('"imageSizeInBytes": "9223372036854775808"', "imageSizeInBytes must fit into 64 bits"),
        ('"imageScanStatus": "COMPLETE"', "imageScanStatus must be an object, not a string"),
        (
            '"imageScanFindingsSummary": {"findingSeverityCounts": {"HIGH": "many"}}',
            "imageScanFindingsSummary.findingSeverityCounts.HIGH must be an integer, not a string",
        ),
    ],
)
def test_a_wrong_type_is_named_by_its_path(decode: Decode, members: str, fault: str) -> None:
    body = b'{"imageDetails": [{}, {}, {}, {%s}]}' % members.encode()
    assert failure(decode, DESCRIBE_IMAGES, body) == f"imageDetails[3].{fault}"


@decoders
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"imageDetails": false}', "imageDetails must be a list, not a boolean"),
        (b'{"imageDetails": [[0, 5]]}', "imageDetails[0] must be an object, not a list"),
        (b'{"imageDetails": [{}, "text"]}', "imageDetails[1] must be an object, not a string"),
        (b'{"nextToken": [1]}', "nextToken must be a string, not a list"),
        (b"[]", "the response must be an object, not a list"),
        (b"null", "the response must be an object, not null"),
        (b"<html>", "the response is not JSON"),
        (b'{"a": 1} {"b": 2}', "the response is not JSON"),
        (b'{"nextToken": "\xff"}', "the response must be UTF-8"),
        (b'{"imageDetails": ' + 100_000 * b"[", "the response must not be nested so deeply"),
        (b'{"new": ' + 100_000 * b"[", "the response must not be nested so deeply"),
    ],
)
def test_what_is_wrong_with_a_response_is_named(decode: Decode, body: bytes, fault: str) -> None:
    assert failure(decode, DESCRIBE_IMAGES, body) == fault


@decoders
@pytest.mark.parametrize("flag", ["1", "0", '"true"', "[]", "{}"])
def test_only_true_and_false_are_flags(decode: Decode, flag: str) -> None:
    body = f'{{"repositories": [{{"imageScanningConfiguration": {{"scanOnPush": {flag}}}}}]}}'
    fault = failure(decode, DESCRIBE_REPOSITORIES, body.encode())
    assert fault.startswith("repositories[0].imageScanningConfiguration.scanOnPush must be a boolean, not ")


@decoders
@pytest.mark.parametrize("score", ['"NaN"', '"high"', "true", '"inf"', "1e400"])
def test_a_score_is_a_finite_number(decode: Decode, score: str) -> None:
    body = f'{{"imageScanFindings": {{"enhancedFindings": [{{"score": {score}}}]}}}}'
    fault = failure(decode, DESCRIBE_IMAGE_SCAN_FINDINGS, body.encode())
    assert fault.startswith("imageScanFindings.enhancedFindings[0].score must be a ")


@decoders
def test_a_body_that_breaks_off_is_recognized(decode: Decode) -> None:
    whole = b'{"imageDetails": [{"registryId": "1"}]}'
    for length in range(1, len(whole)):
        with pytest.raises(ResponseError) as caught:
            decode(DESCRIBE_IMAGES, whole[:length])
        assert caught.value.truncated
        assert caught.value.__context__ is None


@given(st.text(min_size=12, max_size=30).map(lambda text: f"value{text}"))
def test_no_value_is_repeated(value: str) -> None:
    written = json.dumps(value)
    for members in (
        f'"imageSizeInBytes": {written}',
        f'"imagePushedAt": {written}',
        f'"imageTags": {written}',
    ):
        body = f'{{"imageDetails": [{{{members}}}]}}'
        assert "value" not in failure(codec.decode, DESCRIBE_IMAGES, body.encode())


# ---------------------------------------------------------------------------- large responses


def detail(number: int) -> dict[str, Any]:
    return {"imageDigest": f"sha256:{number:064}", "imageTags": [f"v{number}"], "imagePushedAt": number}


def test_a_large_response_is_the_same_in_steps() -> None:
    items = [detail(number) for number in range(20_000)]
    body = json.dumps({"imageDetails": items, "nextToken": "a"}).encode()
    assert len(body) > stepwise.PAGE_SIZE_MAX
    assert in_steps(DESCRIBE_IMAGES, body) == codec.decode(DESCRIBE_IMAGES, body)
    assert sum(1 for _ in codec.decode_in_steps(DESCRIBE_IMAGES, body)) > len(body) // (2 * stepwise.STEP)


def test_a_fault_in_a_large_response_is_found() -> None:
    items = [*map(detail, range(20_000)), {"imageTags": "v1"}, *map(detail, range(10))]
    fault = failure(in_steps, DESCRIBE_IMAGES, json.dumps({"imageDetails": items}).encode())
    assert fault == "imageDetails[20000].imageTags must be a list, not a string"


@pytest.mark.parametrize(
    "items", [b"{}," * 900_000, b"[]," * 4_100_000, b'"",' * 4_100_000, b'{"a":{}},' * 500_000]
)
def test_a_response_of_too_many_values_is_rejected(items: bytes) -> None:
    body = b'{"imageDetails": [%b{}]}' % items
    assert failure(in_steps, DESCRIBE_IMAGES, body) == "the response must hold at most 2,000,000 values"


@pytest.mark.parametrize("before", range(12))
def test_halves_of_surrogate_pairs_are_repaired_wherever_a_step_ends(before: int) -> None:
    text = "x" * (stepwise.PAGE_SIZE_MAX + before) + r"\ud83d\\ud83d\n\ud83d\ude00" * 20_000
    body = b'{"imageDetails": [], "nextToken": "%s"}' % text.encode()
    expected = "x" * (stepwise.PAGE_SIZE_MAX + before) + "\ufffd\\ud83d\n\U0001f600" * 20_000
    assert in_steps(DESCRIBE_IMAGES, body).next_token == expected
    assert codec.decode(DESCRIBE_IMAGES, body).next_token == expected
    assert sum(1 for _ in codec.decode_in_steps(DESCRIBE_IMAGES, body)) > len(body) // surrogates.STEP


def test_a_long_list_of_texts_is_checked_in_steps() -> None:
    texts = b'"v1",' * 100_000
    body = b'{"imageDetails": [{"imageTags": [%b null, "v2"]}], "new": "%b"}'
    (detail,) = in_steps(DESCRIBE_IMAGES, body % (texts, b"x" * stepwise.PAGE_SIZE_MAX)).image_details
    assert detail.image_tags == ("v1",) * 100_000 + ("v2",)
    broken = body.replace(b'"v2"', b"2") % (texts, b"x" * stepwise.PAGE_SIZE_MAX)
    fault = failure(in_steps, DESCRIBE_IMAGES, broken)
    assert fault == "imageDetails[0].imageTags[100001] must be a string, not a number"


def test_a_small_page_of_very_many_objects_takes_several_steps() -> None:
    body = b'{"imageDetails": [%b{}]}' % (b"{}," * 200_000)
    assert len(body) < stepwise.PAGE_SIZE_MAX
    assert len(in_steps(DESCRIBE_IMAGES, body).image_details) == 200_001
    assert sum(1 for _ in codec.decode_in_steps(DESCRIBE_IMAGES, body)) > 100


def test_what_stands_in_texts_does_not_count() -> None:
    text = '{"a": {}, "b": [1, 2]}' * 200_000
    body = json.dumps({"nextToken": text, "new": ["\\", *[text] * 5]}).encode()
    assert in_steps(DESCRIBE_IMAGES, body).next_token == text


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        (b'"nextToken": "%b"' % (b"x" * stepwise.TEXT_SIZE_MAX), "nextToken must be at most 8,388,608 bytes"),
        (
            b'"imageScanFindings": {"findingSeverityCounts": {"%b": 1}}' % (b"x" * stepwise.MAP_SIZE_MAX),
            "imageScanFindings.findingSeverityCounts must be at most 1,048,576 bytes",
        ),
    ],
    ids=["text", "map"],
)
def test_what_is_too_large_to_be_decoded_in_one_step_is_rejected(members: bytes, fault: str) -> None:
    assert failure(in_steps, DESCRIBE_IMAGE_SCAN_FINDINGS, b"{%b}" % members) == fault


def test_of_a_long_list_few_items_are_decoded_at_once() -> None:
    items = b"[%b null]" % (b"null," * 1_900_000)
    parts = [part for part in divided(memoryview(items), stepwise.STEP) if part is not None]
    assert max(map(len, parts)) < stepwise.STEP + 100
    assert sum(part.count(b"null") for part in parts) == 1_900_001


@given(st.lists(JSON_VALUES, max_size=6), st.sampled_from([(",", ":"), (" , ", " : ")]), st.integers(1, 40))
def test_a_divided_list_has_all_of_its_items(
    values: list[Any], separators: tuple[str, str], size: int
) -> None:
    items = json.dumps(values, separators=separators).encode()
    parts = divided(memoryview(items), size)
    assert [item for part in parts if part is not None for item in json.loads(part)] == values


@given(JSON_VALUES, st.lists(st.integers(1, 9)))
def test_an_outline_is_the_same_in_whichever_pieces_it_is_read(value: Any, sizes: list[int]) -> None:
    document = json.dumps(value).encode()
    whole, outline = Outline(), Outline()
    whole.read(document)
    start = 0
    for size in [*sizes, len(document)]:
        outline.read(document[start : start + size])
        start += size
    assert (outline.cost, outline.depth, outline.is_in_string) == (whole.cost, 0, False)
    assert whole.cost >= document_cost(value)


def document_cost(value: Any) -> int:
    """Return how many objects and lists there are, and how many items after the first of each."""
    if isinstance(value, dict | list):
        inner = list(value.values()) if isinstance(value, dict) else value
        return 1 + max(len(inner) - 1, 0) + sum(map(document_cost, inner))
    return 0


@decoders
def test_a_report_with_local_variables_shows_no_body(decode: Decode) -> None:
    with pytest.raises(ResponseError) as caught:
        decode(DESCRIBE_IMAGES, b'{"nextToken": {"secret": "hunter2"}}')
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "_wire" in frame.filename]
    assert ours
    assert not any("hunter2" in text for frame in ours for text in (frame.locals or {}).values())

"""What breaks a limit of the API is rejected before it is sent, with the path and the limit."""

import base64
import collections
import json
import pickle
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async import ValidationError
from ecr_async._wire import codec, encoding
from ecr_async._wire.operation import AnyOperation
from ecr_async.api.authorization import GET_AUTHORIZATION_TOKEN
from ecr_async.api.images import DESCRIBE_IMAGES
from ecr_async.api.layers import UPLOAD_LAYER_PART
from ecr_async.api.manifests import BATCH_GET_IMAGE, PUT_IMAGE
from ecr_async.api.repositories import CREATE_REPOSITORY, DESCRIBE_REPOSITORIES
from ecr_async.api.scanning import DESCRIBE_IMAGE_SCAN_FINDINGS, PUT_REGISTRY_SCANNING_CONFIGURATION
from ecr_async.api.tags import LIST_TAGS_FOR_RESOURCE, TAG_RESOURCE

UPLOAD_ID = "0d1ce5ab-0000-4000-8000-00000000cafe"
MIB = 1024 * 1024


def rejected(operation: AnyOperation, request: object) -> tuple[str, str]:
    """The path and the limit of the error."""
    with pytest.raises(ValidationError) as caught:
        codec.encode(operation, request)
    assert caught.value.operation == operation.name
    assert caught.value.__cause__ is None
    assert str(caught.value) == f"{operation.name}: {caught.value.path}: {caught.value.limit}"
    return caught.value.path, caught.value.limit


def sent(operation: AnyOperation, request: object) -> Any:
    return json.loads(codec.encode(operation, request))


def images(**fields: Any) -> ecr.DescribeImagesRequest:
    return ecr.DescribeImagesRequest(**{"repository_name": "team/app", **fields})


# ---------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("fields", "path", "limit"),
    [
        pytest.param(
            {"repository_name": "a"},
            "repository_name",
            "must be 2 to 256 characters long, not 1",
            id="too short a string",
        ),
        pytest.param(
            {"repository_name": "a" * 257},
            "repository_name",
            "must be 2 to 256 characters long, not 257",
            id="too long a string",
        ),
        pytest.param({"repository_name": None}, "repository_name", "is required", id="missing"),
        pytest.param(
            {"repository_name": b"team/app"},
            "repository_name",
            "must be a string, not bytes",
            id="bytes for a string",
        ),
        pytest.param(
            {"registry_id": 123456789012}, "registry_id", "must be a string, not int", id="int for a string"
        ),
        pytest.param(
            {"registry_id": "12345"}, "registry_id", "must match [0-9]{12}, not '12345'", id="no match"
        ),
        pytest.param(
            {"registry_id": "1234567890123"},
            "registry_id",
            "must match [0-9]{12}, not '1234567890123'",
            id="more than a match",
        ),
        pytest.param(
            {"registry_id": "123456789012\n"},
            "registry_id",
            r"must match [0-9]{12}, not '123456789012\n'",
            id="a line's end",
        ),
        pytest.param(
            {"registry_id": "١٢٣٤٥٦٧٨٩٠١٢"},
            "registry_id",
            "must match [0-9]{12}, not '١٢٣٤٥٦٧٨٩٠١٢'",
            id="digits of another script",
        ),
        pytest.param({"max_results": 0}, "max_results", "must be 1 to 1,000, not 0", id="too small"),
        pytest.param({"max_results": 1001}, "max_results", "must be 1 to 1,000, not 1,001", id="too large"),
        pytest.param(
            {"max_results": True}, "max_results", "must be a number, not bool", id="a bool for a number"
        ),
        pytest.param(
            {"max_results": "10"}, "max_results", "must be a number, not str", id="text for a number"
        ),
        pytest.param({"max_results": 1.5}, "max_results", "must be a number, not float", id="a fraction"),
        pytest.param({"image_ids": []}, "image_ids", "must be a list of 1 to 100 items, not 0", id="no item"),
        pytest.param(
            {"image_ids": [ecr.ImageIdentifier(image_tag="a")] * 101},
            "image_ids",
            "must be a list of 1 to 100 items, not 101",
            id="too many items",
        ),
        pytest.param({"image_ids": "a"}, "image_ids", "must be a list, not str", id="text for a list"),
        pytest.param({"image_ids": b"a"}, "image_ids", "must be a list, not bytes", id="bytes for a list"),
        pytest.param({"image_ids": {"a"}}, "image_ids", "must be a list, not set", id="a set for a list"),
        pytest.param(
            {"image_ids": ecr.ImageIdentifier(image_tag="a")},
            "image_ids",
            "must be a list, not ImageIdentifier",
            id="an item for a list",
        ),
        pytest.param(
            {"image_ids": ["latest"]},
            "image_ids[0]",
            "must be ImageIdentifier, not str",
            id="text for an object",
        ),
        pytest.param(
            {"image_ids": [None]},
            "image_ids[0]",
            "must be ImageIdentifier, not NoneType",
            id="None in a list",
        ),
        pytest.param(
            {"image_ids": [*[ecr.ImageIdentifier(image_tag="a")] * 3, ecr.ImageIdentifier(image_tag="")]},
            "image_ids[3].image_tag",
            "must be 1 to 300 characters long, not 0",
            id="in an object in a list",
        ),
        pytest.param(
            {"filter": {"tagStatus": "TAGGED"}},
            "filter",
            "must be DescribeImagesFilter, not dict",
            id="a dict for an object",
        ),
        pytest.param(
            {"filter": ecr.DescribeImagesFilter(tag_status=1)},  # type: ignore[arg-type]
            "filter.tag_status",
            "must be a string, not int",
            id="in an object",
        ),
    ],
)
def test_what_breaks_a_limit_is_rejected(fields: dict[str, Any], path: str, limit: str) -> None:
    assert rejected(DESCRIBE_IMAGES, images(**fields)) == (path, limit)


def test_a_path_goes_through_lists_in_lists() -> None:
    filters = [ecr.ScanningRepositoryFilter("app", "WILDCARD"), ecr.ScanningRepositoryFilter("", "WILDCARD")]
    rules = [ecr.RegistryScanningRule("MANUAL", []), ecr.RegistryScanningRule("MANUAL", filters)]
    request = ecr.PutRegistryScanningConfigurationRequest(rules=rules)
    path, limit = rejected(PUT_REGISTRY_SCANNING_CONFIGURATION, request)
    assert path == "rules[1].repository_filters[1].filter"
    assert limit == "must be 1 to 255 characters long, not 0"


def test_a_list_of_plain_values_names_the_index() -> None:
    request = ecr.GetAuthorizationTokenRequest(registry_ids=["123456789012", "1"])
    assert rejected(GET_AUTHORIZATION_TOKEN, request) == ("registry_ids[1]", "must match [0-9]{12}, not '1'")


def test_a_tag_that_stands_for_a_digest_is_found_out() -> None:
    request = ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier("v1")])
    path, limit = rejected(BATCH_GET_IMAGE, request)
    assert path == "image_ids[0].image_digest"
    assert limit == "must be a digest, such as sha256:6c3c62…; a tag is passed as image_tag, not 'v1'"


def test_a_limit_with_one_end_says_so() -> None:
    upload = ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, -1, 5, b"")
    assert rejected(UPLOAD_LAYER_PART, upload) == ("part_first_byte", "must be at least 0, not -1")
    rules = [ecr.RegistryScanningRule("MANUAL", [])] * 3
    request = ecr.PutRegistryScanningConfigurationRequest(rules=rules)
    limit = "must be a list of at most 2 items, not 3"
    assert rejected(PUT_REGISTRY_SCANNING_CONFIGURATION, request) == ("rules", limit)


@pytest.mark.parametrize("flag", [0, 1, "true", "yes"])
def test_only_true_and_false_are_flags(flag: Any) -> None:
    scanning = ecr.ImageScanningConfiguration(scan_on_push=flag)
    request = ecr.CreateRepositoryRequest("team/app", image_scanning_configuration=scanning)
    path, limit = rejected(CREATE_REPOSITORY, request)
    assert path == "image_scanning_configuration.scan_on_push"
    assert limit == f"must be true or false, not {type(flag).__name__}"


def test_a_number_that_json_cannot_carry_is_rejected() -> None:
    upload = ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, 2**64, b"")
    assert rejected(UPLOAD_LAYER_PART, upload) == ("part_last_byte", "must fit into 64 bits")


def test_text_that_utf8_cannot_carry_is_rejected() -> None:
    path, limit = rejected(LIST_TAGS_FOR_RESOURCE, ecr.ListTagsForResourceRequest(resource_arn="\ud800"))
    assert path == "resource_arn"
    assert limit == "must be text that UTF-8 can carry, without halves of surrogate pairs"


@pytest.mark.parametrize("request_", [None, {}, ecr.ListImagesRequest("team/app"), ecr.DescribeImagesRequest])
def test_another_operations_request_is_rejected(request_: Any) -> None:
    got = type(request_).__name__
    limit = f"must be DescribeImagesRequest, not {got}"
    assert rejected(DESCRIBE_IMAGES, request_) == ("request", limit)


def test_a_validation_error_can_be_pickled_and_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="max_results: must be 1 to 1,000, not 0") as caught:
        codec.encode(DESCRIBE_IMAGES, images(max_results=0))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.text(max_size=300))
@example("a" * 256)
@example("ab")
@example("a__b/c-----d.e")
def test_a_repositorys_name_passes_if_and_only_if_it_is_one(name: str) -> None:
    word = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    valid = 2 <= len(name) <= 256 and re.fullmatch(f"{word}(?:/{word})*", name, re.ASCII)
    if valid:
        assert sent(DESCRIBE_IMAGES, images(repository_name=name)) == {"repositoryName": name}
    else:
        assert rejected(DESCRIBE_IMAGES, images(repository_name=name))[0] == "repository_name"


@given(st.text("a1*._-/", max_size=12))
def test_our_pattern_for_scan_filters_admits_what_the_models_does(text: str) -> None:
    """The model's own backtracks without end on long texts, so it is only tried on short ones."""
    models = r"[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*"
    rule = ecr.RegistryScanningRule("MANUAL", [ecr.ScanningRepositoryFilter(text, "WILDCARD")])
    request = ecr.PutRegistryScanningConfigurationRequest(rules=[rule])
    if re.fullmatch(models, text):
        assert sent(PUT_REGISTRY_SCANNING_CONFIGURATION, request)["rules"][0]["repositoryFilters"]
    else:
        rejected(PUT_REGISTRY_SCANNING_CONFIGURATION, request)


# ---------------------------------------------------------------------------- what passes


@pytest.mark.parametrize("size", [1, 100])
def test_both_ends_of_a_lists_size_pass(size: int) -> None:
    identifiers = [ecr.ImageIdentifier(image_digest=f"sha256:{n}") for n in range(size)]
    body = sent(BATCH_GET_IMAGE, ecr.BatchGetImageRequest("team/app", identifiers))
    assert body["imageIds"] == [{"imageDigest": f"sha256:{n}"} for n in range(size)]


@pytest.mark.parametrize("number", [1, 1000])
def test_both_ends_of_a_range_pass(number: int) -> None:
    assert sent(DESCRIBE_IMAGES, images(max_results=number))["maxResults"] == number


def test_the_longest_manifest_passes_and_a_longer_one_does_not() -> None:
    longest = 4 * MIB
    body = codec.encode(PUT_IMAGE, ecr.PutImageRequest("team/app", "x" * longest))
    assert len(msgspec.json.decode(body)["imageManifest"]) == longest
    path, limit = rejected(PUT_IMAGE, ecr.PutImageRequest("team/app", "x" * (longest + 1)))
    assert (path, limit) == ("image_manifest", "must be 1 to 4,194,304 characters long, not 4,194,305")


def test_a_limit_counts_characters_and_not_bytes() -> None:
    identifiers = [ecr.ImageIdentifier(image_tag="ü" * 300)]
    assert sent(BATCH_GET_IMAGE, ecr.BatchGetImageRequest("team/app", identifiers))
    identifiers = [ecr.ImageIdentifier(image_tag="ü" * 301)]
    assert rejected(BATCH_GET_IMAGE, ecr.BatchGetImageRequest("team/app", identifiers))


def test_any_sequence_is_a_list() -> None:
    names = ["team/app", "team/web"]
    sequences: list[Sequence[str]] = [names, tuple(names), collections.UserList(names)]
    for sequence in sequences:
        request = ecr.DescribeRepositoriesRequest(repository_names=sequence)
        assert sent(DESCRIBE_REPOSITORIES, request) == {"repositoryNames": names}


def test_what_is_absent_is_left_out() -> None:
    assert sent(DESCRIBE_REPOSITORIES, ecr.DescribeRepositoriesRequest()) == {}
    assert sent(DESCRIBE_IMAGES, images(filter=ecr.DescribeImagesFilter())) == {
        "repositoryName": "team/app",
        "filter": {},
    }


def test_false_and_nothing_are_not_absent() -> None:
    request = ecr.CreateRepositoryRequest(
        "team/app",
        tags=[],
        image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=False),
    )
    assert sent(CREATE_REPOSITORY, request) == {
        "repositoryName": "team/app",
        "tags": [],
        "imageScanningConfiguration": {"scanOnPush": False},
    }


def test_names_on_the_wire_are_the_apis_own() -> None:
    request = ecr.TagResourceRequest("arn:aws:ecr:::repository/a", [ecr.Tag("team", "web")])
    assert sent(TAG_RESOURCE, request) == {
        "resourceArn": "arn:aws:ecr:::repository/a",
        "tags": [{"Key": "team", "Value": "web"}],
    }


def test_a_value_that_an_enumeration_has_not_yet_passes() -> None:
    """The service decides: it may know more than we do."""
    filter_ = ecr.DescribeImagesFilter(image_status="FROZEN")  # type: ignore[arg-type]
    assert sent(DESCRIBE_IMAGES, images(filter=filter_))["filter"] == {"imageStatus": "FROZEN"}


# ---------------------------------------------------------------------------- blobs


@given(st.binary(max_size=200))
def test_a_blob_is_base64_on_the_wire(blob: bytes) -> None:
    body = sent(UPLOAD_LAYER_PART, ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, 5, blob))
    assert base64.b64decode(body["layerPartBlob"], validate=True) == blob


@pytest.mark.parametrize(
    "size",
    [
        encoding.BLOB_SLICE - 1,
        encoding.BLOB_SLICE,
        encoding.BLOB_SLICE + 1,
        2 * encoding.BLOB_SLICE,
        20 * MIB,
    ],
)
def test_a_large_blob_comes_out_whole(size: int) -> None:
    blob = (bytes(range(256)) * (size // 256 + 1))[:size]
    body = codec.encode(UPLOAD_LAYER_PART, ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, size, blob))
    assert base64.b64decode(msgspec.json.decode(body)["layerPartBlob"]) == blob


def test_a_larger_blob_than_the_api_takes_is_rejected() -> None:
    request = ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, 20 * MIB, bytes(20 * MIB + 1))
    path, limit = rejected(UPLOAD_LAYER_PART, request)
    assert (path, limit) == ("layer_part_blob", "must be at most 20,971,520 bytes long, not 20,971,521")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_whatever_holds_bytes_is_a_blob(kind: Any) -> None:
    request = ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, 5, kind(b"layer"))
    assert sent(UPLOAD_LAYER_PART, request)["layerPartBlob"] == "bGF5ZXI="


@pytest.mark.parametrize(
    ("blob", "limit"),
    [
        ("layer", "must be bytes, not str"),
        ([1, 2], "must be bytes, not list"),
        (None, "is required"),
        (memoryview(b"layer")[::2], "must be contiguous bytes"),
    ],
)
def test_an_invalid_blob_is_rejected(blob: Any, limit: str) -> None:
    request = ecr.UploadLayerPartRequest("team/app", UPLOAD_ID, 0, 5, blob)
    assert rejected(UPLOAD_LAYER_PART, request) == ("layer_part_blob", limit)


def test_only_the_operation_with_a_blob_is_heavy() -> None:
    assert UPLOAD_LAYER_PART.heavy
    assert not PUT_IMAGE.heavy


# ---------------------------------------------------------------------------- responses


def test_absent_is_none_or_empty() -> None:
    response = codec.decode(DESCRIBE_IMAGES, b'{"imageDetails": [{"imageTags": null}]}')
    assert response == ecr.DescribeImagesResponse(image_details=(ecr.ImageDetail(),))
    assert response.next_token is None
    (image,) = response.image_details
    assert image.image_tags == ()
    assert image.image_pushed_at is None


def test_maps_are_empty_where_they_are_absent_and_not_shared() -> None:
    body = b'{"imageDetails": [{"imageScanFindingsSummary": {}}, {"imageScanFindingsSummary": {}}]}'
    first, second = (
        image.image_scan_findings_summary for image in codec.decode(DESCRIBE_IMAGES, body).image_details
    )
    assert first is not None
    assert second is not None
    assert first.finding_severity_counts == {}
    assert first.finding_severity_counts is not second.finding_severity_counts


def test_an_enumerations_value_of_tomorrow_survives() -> None:
    body = b'{"imageDetails": [{"imageStatus": "FROZEN"}]}'
    assert codec.decode(DESCRIBE_IMAGES, body).image_details[0].image_status == "FROZEN"


def test_fractions_survive_also_when_they_are_whole() -> None:
    findings = '{"imageScanFindings": {"enhancedFindings": [{"score": %s}]}}'
    for text, score in (("7.5", 7.5), ("7", 7.0)):
        response = codec.decode(DESCRIBE_IMAGE_SCAN_FINDINGS, (findings % text).encode())
        assert response.image_scan_findings is not None
        assert response.image_scan_findings.enhanced_findings[0].score == score

"""The API's types as values: compared by their fields, hashable, immutable, shown without what
says nothing.
"""

import copy
import gc
import inspect
import json
import pickle
import pprint
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import msgspec
import pytest
from rich.pretty import pretty_repr

import ecr_async as ecr

TAGGED = ecr.ImageIdentifier(image_tag="v1")
DETAIL = ecr.ImageDetail(
    repository_name="team/app",
    image_tags=("v1",),
    image_scan_findings_summary=ecr.ImageScanFindingsSummary(finding_severity_counts={"HIGH": 2}),
)


def test_equal_fields_make_equal_values() -> None:
    assert ecr.ImageIdentifier(image_tag="v1") == TAGGED
    assert ecr.ImageIdentifier(image_digest="v1") != TAGGED
    other: object = ecr.DescribeImagesFilter(tag_status="TAGGED")
    assert ecr.ListImagesFilter(tag_status="TAGGED") != other


def test_equal_values_are_one_in_a_set() -> None:
    assert {TAGGED, ecr.ImageIdentifier(image_tag="v1"), ecr.ImageIdentifier()} == {
        TAGGED,
        ecr.ImageIdentifier(),
    }


def test_a_value_that_holds_a_mapping_can_be_hashed() -> None:
    assert hash(DETAIL) == hash(copy.deepcopy(DETAIL))


def test_a_list_is_as_good_as_a_tuple() -> None:
    by_list = ecr.ImageDetail(image_tags=["a", "b"])  # type: ignore[arg-type]
    assert by_list == ecr.ImageDetail(image_tags=("a", "b"))
    assert hash(by_list) == hash(ecr.ImageDetail(image_tags=("a", "b")))
    assert repr(by_list) == "ImageDetail(image_tags=('a', 'b'))"
    request = ecr.BatchGetImageRequest("team/app", [TAGGED])
    assert request == ecr.BatchGetImageRequest("team/app", image_ids=(TAGGED,))
    assert request in {request}


def test_what_is_not_there_is_not_shown() -> None:
    assert repr(TAGGED) == "ImageIdentifier(image_tag='v1')"
    assert repr(ecr.ImageDetail(image_size_in_bytes=0)) == "ImageDetail(image_size_in_bytes=0)"


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        TAGGED.image_tag = "v2"  # type: ignore[misc]


def test_a_value_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(DETAIL)) == DETAIL


def test_it_is_one_of_attrs_own_classes() -> None:
    assert attrs.has(ecr.ImageDetail)
    digest, tag = attrs.fields(ecr.ImageIdentifier)
    assert (digest.name, tag.name, tag.default) == ("image_digest", "image_tag", None)
    assert {field.name for field in attrs.fields(ecr.Tag) if field.default is attrs.NOTHING} == {
        "key",
        "value",
    }
    assert attrs.fields(ecr.ImageDetail).image_status.type == ecr.ImageStatus | str | None
    assert attrs.evolve(TAGGED, image_tag="v2") == ecr.ImageIdentifier(image_tag="v2")
    assert attrs.asdict(DETAIL, filter=lambda _, value: bool(value)) == {
        "repository_name": "team/app",
        "image_tags": ("v1",),
        "image_scan_findings_summary": {"finding_severity_counts": {"HIGH": 2}},
    }


def test_to_attrs_its_instances_are_no_classes_and_its_types_are_resolved() -> None:
    holder = attrs.make_class("Holder", ["cls"])
    assert attrs.asdict(holder(ecr.ImageDetail)) == {"cls": ecr.ImageDetail}
    assert pretty_repr(ecr.Tag) == repr(ecr.Tag)
    before = attrs.fields(ecr.ImageScanningConfiguration).scan_on_push.type
    attrs.resolve_types(ecr.ImageScanningConfiguration)
    assert attrs.fields(ecr.ImageScanningConfiguration).scan_on_push.type == before == bool | None


@pytest.mark.parametrize(
    "secret",
    [
        ecr.AuthorizationData("SECRET"),
        ecr.GetDownloadUrlForLayerResponse("SECRET"),
        ecr.UploadLayerPartRequest("team/app", "upload", 0, 6, b"SECRET"),
    ],
)
def test_no_way_of_showing_it_shows_a_secret(secret: object) -> None:
    for shown in (repr(secret), str(secret), pretty_repr(secret), pprint.pformat(secret)):
        assert secret.__class__.__name__ in shown
        assert "SECRET" not in shown


def test_what_it_shows_is_the_same_in_rich() -> None:
    assert pretty_repr(DETAIL, max_width=1000) == repr(DETAIL)


def test_replacing_a_field_takes_a_list_as_well() -> None:
    detail: Any = DETAIL
    replaced = detail.__replace__(image_tags=["v2"])  # what `copy.replace` calls, from Python 3.13 on
    assert replaced == attrs.evolve(DETAIL, image_tags=("v2",))
    assert hash(replaced) == hash(attrs.evolve(DETAIL, image_tags=("v2",)))


def test_a_subclass_may_have_methods_but_no_fields() -> None:
    class Named(ecr.ImageIdentifier):
        @property
        def name(self) -> str:
            return self.image_tag or self.image_digest or ""

    assert Named(image_tag="v1").name == "v1"
    with pytest.raises(
        TypeError, match="Counted: a subclass of the API's classes can't have fields of its own"
    ):

        class Counted(ecr.ImageIdentifier):
            count: int = 0


def test_its_schema_can_be_made() -> None:
    schema = msgspec.json.schema(ecr.ImageScanningConfiguration)
    assert "boolean" in json.dumps(schema)


def test_its_signature_is_what_was_written() -> None:
    parameters = inspect.signature(ecr.ListImagesRequest).parameters
    assert list(parameters)[:2] == ["repository_name", "registry_id"]
    assert parameters["repository_name"].default is inspect.Parameter.empty
    assert inspect.signature(ecr.ImageDetail).parameters["image_pushed_at"].annotation == datetime | None


def test_it_can_be_matched_by_its_fields() -> None:
    match TAGGED:
        case ecr.ImageIdentifier(None, tag):
            assert tag == "v1"


def test_the_garbage_collector_need_not_look_at_it() -> None:
    assert not gc.is_tracked(DETAIL)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (ecr.DescribeImagesRequest, "repository_name"),
        (lambda: ecr.BatchGetImageRequest("team/app"), "image_ids"),  # type: ignore[call-arg]
        (lambda: ecr.BatchGetImageRequest(image_ids=[TAGGED]), "repository_name"),  # type: ignore[call-arg]
        (lambda: ecr.Tag("team"), "value"),  # type: ignore[call-arg]
    ],
)
def test_a_required_field_that_is_left_out_is_named(make: Callable[[], object], path: str) -> None:
    with pytest.raises(ecr.ValidationError) as caught:
        make()
    assert (caught.value.path, caught.value.limit) == (path, "is required")


def test_a_field_that_there_is_not_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="nexpected keyword argument 'repository'"):
        ecr.DescribeImagesRequest("team/app", repository="team/app")  # type: ignore[call-arg]

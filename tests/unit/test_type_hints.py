"""Annotations can be resolved at run time, as FastAPI, Sphinx, beartype and typeguard do."""

import inspect
import typing

import pytest

import ecr_async as ecr


@pytest.mark.parametrize("name", [*ecr.__all__, "TimeoutError"])
def test_the_hints_of_every_public_name_resolve(name: str) -> None:
    value = getattr(ecr, name)
    if inspect.isfunction(value) or inspect.isclass(value):
        assert typing.get_type_hints(value, include_extras=True) is not None
    if inspect.isclass(value) and value.__module__.startswith("ecr_async."):
        for member in vars(value).values():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function):
                assert typing.get_type_hints(function) is not None


def test_an_operation_knows_its_types() -> None:
    assert typing.get_type_hints(ecr.describe_images) == {
        "service": ecr.Service,
        "request": ecr.DescribeImagesRequest,
        "return": ecr.DescribeImagesResponse,
    }

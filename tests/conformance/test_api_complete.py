"""The whole API is there: every operation, pager, error and type of botocore's model, each with its words."""

import ast
import importlib.metadata
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

import ecr_async
from ecr_async import Pager, ServiceError, api
from tests.conformance import strategies
from tests.conformance.test_requests import Recorder, operation_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ecr_async"
GENERATED = sorted((PACKAGE / "api").glob("*.py"))
TAKEN = strategies.TAKEN
INSTALLED_IS_TAKEN = importlib.metadata.version("botocore") == TAKEN["botocore"]
exactly = pytest.mark.skipif(
    not INSTALLED_IS_TAKEN, reason="another botocore than the API was generated from"
)


def paginated() -> list[str]:
    """The operations that take and return a token."""
    return [
        name
        for name in strategies.OPERATIONS
        if "nextToken" in strategies.operation(name).input_shape.members
        and "nextToken" in strategies.operation(name).output_shape.members
    ]


def public(kind: Callable[[object], bool]) -> set[str]:
    """The API's public names of one kind."""
    return {name for name in api.__all__ if kind(getattr(ecr_async, name))}


# ---------------------------------------------------------------------------- names


def blank(cls: Any) -> Any:
    """Return a structure with nothing in its fields."""
    return cls(**dict.fromkeys(field.name for field in attrs.fields(cls)))


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_every_operation_is_a_coroutine_function_of_service_and_request(name: str) -> None:
    function = getattr(ecr_async, xform_name(name))
    model = strategies.operation(name)
    assert inspect.iscoroutinefunction(function)
    signature = inspect.signature(function)
    assert list(signature.parameters) == ["service", "request"]
    assert signature.parameters["request"].annotation is getattr(ecr_async, model.input_shape.name)
    assert signature.return_annotation is getattr(ecr_async, model.output_shape.name)
    assert operation_of(name).name == name


@exactly
def test_no_operation_is_there_that_the_model_has_not() -> None:
    operations = {xform_name(name) for name in strategies.OPERATIONS}
    assert public(inspect.iscoroutinefunction) == operations


def test_the_model_has_its_operations() -> None:
    assert len(strategies.OPERATIONS) >= 31
    assert len(paginated()) >= 6


@pytest.mark.parametrize("name", paginated())
def test_every_operation_with_a_token_in_and_out_has_a_pager(name: str) -> None:
    paginate = getattr(ecr_async, f"paginate_{xform_name(name)}")
    assert isinstance(paginate(Recorder(), blank(operation_of(name).request)), Pager)


@exactly
def test_no_other_operation_has_a_pager() -> None:
    pagers = {name for name in ecr_async.__all__ if name.startswith("paginate_")}
    assert pagers == {f"paginate_{xform_name(name)}" for name in paginated()}


def test_every_waiter_of_botocores_is_there() -> None:
    import botocore.session

    waiters = botocore.session.Session().get_waiter_model("ecr").waiter_names
    assert {f"wait_until_{xform_name(name)}" for name in waiters} <= set(ecr_async.__all__)


@pytest.mark.parametrize("name", strategies.ERRORS)
def test_every_modelled_error_is_an_exception_class_of_its_name(name: str) -> None:
    error = getattr(ecr_async, name)
    assert issubclass(error, ServiceError)
    assert error.__name__ == error.code == name


@exactly
def test_no_error_is_there_that_the_model_has_not() -> None:
    errors = public(lambda value: inspect.isclass(value) and issubclass(value, ServiceError))
    assert errors == set(strategies.ERRORS)


def shapes(kind: type[Shape]) -> list[str]:
    """The shapes of a kind that requests and responses are made of."""
    found: dict[str, Shape] = {}

    def visit(shape: Shape) -> None:
        if shape.name in found:
            return
        found[shape.name] = shape
        if isinstance(shape, StructureShape):
            for member in shape.members.values():
                visit(member)
        elif isinstance(shape, ListShape):
            visit(shape.member)
        elif isinstance(shape, MapShape):
            visit(shape.value)

    for name in strategies.OPERATIONS:
        visit(strategies.operation(name).input_shape)
        visit(strategies.operation(name).output_shape)
    return [name for name, shape in found.items() if isinstance(shape, kind)]


@pytest.mark.parametrize("name", shapes(StructureShape))
def test_every_structure_is_a_frozen_class_with_all_its_members(name: str) -> None:
    cls = getattr(ecr_async, name)
    members = strategies.MODEL.shape_for(name).members
    assert {xform_name(member) for member in members} <= {field.name for field in attrs.fields(cls)}
    if INSTALLED_IS_TAKEN:
        assert len(members) == len(attrs.fields(cls))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        blank(cls).anything = 1


def test_dir_shows_every_name_and_no_other_and_every_name_is_there() -> None:
    shown = {name for name in dir(ecr_async) if not name.startswith("__")}
    assert shown - set(ecr_async.__all__) == {"TimeoutError", "arrow", "distributed", "telemetry"}
    assert set(ecr_async.__all__) <= shown
    assert len(ecr_async.__all__) == len(set(ecr_async.__all__))
    for name in ecr_async.__all__:
        assert getattr(ecr_async, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ecr_async' has no attribute 'describe_imagse'"):
        ecr_async.describe_imagse  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_no_family_and_no_botocore() -> None:
    loaded = "import sys, ecr_async; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "ecr_async.api" in modules
    assert not [
        name for name in modules if name.startswith(("ecr_async.api.", "botocore", "aiohttp", "cattrs"))
    ]


# ---------------------------------------------------------------------------- words


def undocumented(path: Path) -> Iterator[str]:
    """What stands in a module without words."""
    tree = ast.parse(path.read_text())
    where = path.relative_to(ROOT)
    if not ast.get_docstring(tree):
        yield f"{where}"
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{where}: {node.name}"


def undocumented_fields(path: Path) -> Iterator[str]:
    """Fields of classes without a docstring right behind them."""
    for owner in ast.parse(path.read_text()).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for node, follower in zip(owner.body, [*owner.body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and not ast.unparse(node.annotation).startswith("ClassVar"):
                words = follower.value if isinstance(follower, ast.Expr) else None
                if not (isinstance(words, ast.Constant) and isinstance(words.value, str) and words.value):
                    yield f"{path.relative_to(ROOT)}: {owner.name}.{ast.unparse(node.target)}"


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_every_module_class_and_function_of_the_api_has_words(path: Path) -> None:
    assert list(undocumented(path)) == []


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_every_field_of_the_api_has_words(path: Path) -> None:
    assert list(undocumented_fields(path)) == []


@pytest.mark.parametrize("name", strategies.OPERATIONS)
def test_an_operation_says_what_it_raises_and_where_that_is_documented(name: str) -> None:
    words = inspect.getdoc(getattr(ecr_async, xform_name(name))) or ""
    assert words.endswith(f"See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{name}.html")
    for error in strategies.operation(name).error_shapes:
        assert f"\n    {error.name}: " in words


def test_every_public_function_and_class_has_words() -> None:
    things = {name: getattr(ecr_async, name) for name in ecr_async.__all__}
    speaking = {name for name, thing in things.items() if inspect.getdoc(thing)}
    wordless = things.keys() - speaking
    assert not [
        name for name in wordless if inspect.isfunction(things[name]) or inspect.isclass(things[name])
    ]


# ---------------------------------------------------------------------------- secrets


def test_tokens_and_what_opens_a_layer_are_not_in_any_repr() -> None:
    data = ecr_async.AuthorizationData(authorization_token="QVdTOnNlY3JldA==", proxy_endpoint="https://ecr")
    response = ecr_async.GetAuthorizationTokenResponse(authorization_data=(data,))
    link = ecr_async.GetDownloadUrlForLayerResponse(download_url="https://ecr/?X-Amz-Signature=5ec7e7")
    part = ecr_async.UploadLayerPartRequest("team/app", "id", 0, 5, b"5ec7e7")
    credentials = ecr_async.Credentials("AKIDEXAMPLE", "5ec7e7-key", "5ec7e7-token")
    assert "https://ecr" in repr(response)
    shown = repr([data, response, link, part, credentials])
    assert not [secret for secret in ("QVdTOnNlY3JldA==", "5ec7e7", "X-Amz-Signature") if secret in shown]


def test_what_the_model_marks_as_sensitive_is_not_in_any_repr() -> None:
    for name in shapes(StructureShape):
        for member, shape in strategies.MODEL.shape_for(name).members.items():
            if shape.metadata.get("sensitive"):
                assert not getattr(attrs.fields(getattr(ecr_async, name)), xform_name(member)).repr


# ---------------------------------------------------------------------------- freshness


def test_the_generated_modules_are_what_the_generator_writes() -> None:
    check = subprocess.run(
        [sys.executable, "tools/generator/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")

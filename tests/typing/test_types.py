"""mypy accepts what is right and, in its strict mode, rejects what is wrong."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRUCTS = str(Path(__file__).with_name("constructs.py"))
PROLOGUE = """\
import ecr_async as ecr


async def wrong(session: ecr.Session, service: ecr.Service) -> None:
    request = ecr.ListImagesRequest("team/app")
    response = await ecr.list_images(service, request)
"""

WRONG = {
    "a misspelt value": (
        'ecr.ListImagesFilter(tag_status="TAGED")',
        "arg-type",
        "\"Literal['TAGED']\"; expected \"Literal['TAGGED', 'UNTAGGED', 'ANY'] | None\"",
    ),
    "a misspelt function": (
        "ecr.describe_imagse",
        "attr-defined",
        'Module has no attribute "describe_imagse"',
    ),
    "a misspelt field": (
        'ecr.ListImagesRequest("team/app", next_tokn="a")',
        "call-arg",
        'Unexpected keyword argument "next_tokn"',
    ),
    "a missing field": (
        "ecr.ListImagesRequest()",
        "call-arg",
        'Missing positional argument "repository_name" in call to "ListImagesRequest"',
    ),
    "another operation's request": (
        "await ecr.describe_images(service, request)",
        "arg-type",
        '"ListImagesRequest"; expected "DescribeImagesRequest"',
    ),
    "another operation's request for pages": (
        "ecr.paginate_describe_images(service, request)",
        "arg-type",
        '"ListImagesRequest"; expected "DescribeImagesRequest"',
    ),
    "a session for a service": (
        "await ecr.list_images(session, request)",
        "arg-type",
        '"Session"; expected "Service"',
    ),
    "text for an object": (
        'ecr.BatchGetImageRequest("team/app", ["latest"])',
        "list-item",
        '"str"; expected "ImageIdentifier"',
    ),
    "text for a list": (
        'ecr.BatchGetImageRequest("team/app", "latest")',
        "arg-type",
        '"str"; expected "Sequence[ImageIdentifier]"',
    ),
    "text for bytes": (
        'ecr.UploadLayerPartRequest("team/app", "id", 0, 5, "layer")',
        "arg-type",
        '"str"; expected "bytes"',
    ),
    "a change of a request": (
        'request.next_token = "a"',
        "misc",
        'Property "next_token" defined in "ListImagesRequest" is read-only',
    ),
    "a change of a response": (
        "response.image_ids = ()",
        "misc",
        'Property "image_ids" defined in "ListImagesResponse" is read-only',
    ),
    "a field that a response has not": (
        "response.image_details",
        "attr-defined",
        '"ListImagesResponse" has no attribute "image_details"',
    ),
    "None for granted": ("len(response.next_token)", "arg-type", '"str | None"; expected "Sized"'),
    "a forgotten await": ("ecr.list_images(service, request)", "unused-coroutine", "must be used"),
    "an await too many": (
        "await ecr.paginate_list_images(service, request)",
        "misc",
        'Incompatible types in "await"',
    ),
    "the items of other pages": (
        "images: list[ecr.ImageDetail] = [i async for i in ecr.paginate_list_images(service, request)]",
        "misc",
        "List[ImageIdentifier]; expected List[ImageDetail]",
    ),
    "credentials for a provider of them": (
        'ecr.Session(credentials=ecr.Credentials("AKIDEXAMPLE", "secret"))',
        "arg-type",
        'expected "Callable[[], Awaitable[Credentials]] | None"',
    ),
    "a retry mode of old": ('ecr.Session(retry_mode="legacy")', "arg-type", "\"Literal['legacy']\""),
}

Findings = dict[str, list[str]]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What mypy has to say, by file; one run over all of them, since starting it is what takes long."""
    folder = tmp_path_factory.mktemp("wrong")
    for name, (statement, _, _) in WRONG.items():
        (folder / file_name(name)).write_text(f"{PROLOGUE}    {statement}\n")
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--no-error-summary",
            "--no-pretty",
            str(folder),
            CONSTRUCTS,
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stderr == ""
    found: Findings = defaultdict(list)
    for line in said.stdout.splitlines():
        if ": note: " not in line:
            found[Path(line.partition(":")[0]).name].append(line)
    return found


def file_name(name: str) -> str:
    return re.sub(r"\W", "_", f"wrong {name}") + ".py"


def test_every_construct_is_accepted(findings: Findings) -> None:
    assert findings["constructs.py"] == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_rejected(name: str, findings: Findings) -> None:
    _, code, words = WRONG[name]
    (line,) = findings[file_name(name)]
    assert line.endswith(f"[{code}]")
    assert words in line
    assert f":{len(PROLOGUE.splitlines()) + 1}: error: " in line


def test_nothing_else_is_rejected(findings: Findings) -> None:
    assert findings.keys() <= {"constructs.py", *map(file_name, WRONG)}

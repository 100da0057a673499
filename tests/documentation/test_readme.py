"""The README's snippets, each run against an embedded ECR."""

import ast
import asyncio
import inspect
import re
import sys
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async import api
from ecr_async.local import LocalECR
from ecr_async.local.operations import HANDLERS
from tests.integration.local.content import create, manifest
from tests.integration.subprocesses import ROOT, environment, run

README = (ROOT / "README.md").read_text()
SNIPPETS = [
    "\n" * README.count("\n", 0, found.start(1)) + found[1]  # so that tracebacks name the README's lines
    for found in re.finditer(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
]
SCRIPTS = [snippet for snippet in SNIPPETS if "asyncio.run(" in snippet]
TESTS = [snippet for snippet in SNIPPETS if "async def test_" in snippet]
FRAGMENTS = [snippet for snippet in SNIPPETS if snippet not in {*SCRIPTS, *TESTS}]


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    """An ECR whose team/app, in eu-west-1, has a tagged and an untagged image."""
    async with LocalECR(region="eu-west-1", verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        for layer in (b"old", b"new"):
            await ecr.put_image(service, ecr.PutImageRequest("team/app", manifest(layer), image_tag="main"))
        yield local


@pytest.fixture
def prod(local: LocalECR, tmp_path: Path) -> Path:
    """A config file whose profile `prod` leads to the embedded ECR."""
    config = tmp_path / "config"
    config.write_text(
        f"[profile prod]\n"
        f"endpoint_url = {local.endpoint_url}\n"
        f"aws_access_key_id = {local.access_key_id}\n"
        f"aws_secret_access_key = {local.secret_access_key}\n"
    )
    return config


def test_there_are_snippets_of_each_kind() -> None:
    assert (len(SCRIPTS), len(TESTS)) == (1, 1)
    assert len(FRAGMENTS) > 5


@pytest.mark.parametrize("snippet", SCRIPTS)
async def test_scripts(snippet: str, prod: Path) -> None:
    finished = await run(sys.executable, "-c", snippet, env=environment(AWS_CONFIG_FILE=str(prod)))
    assert (finished.status, finished.err) == (0, "")
    assert "('main',)" in finished.out


@pytest.mark.parametrize("snippet", TESTS)
async def test_tests(snippet: str, tmp_path: Path) -> None:
    path = tmp_path / "test_snippet.py"
    path.write_text(snippet)
    options = "-o", "asyncio_mode=auto", "-p", "no:cacheprovider"
    finished = await run(sys.executable, "-m", "pytest", *options, path, env=environment())
    assert finished.status == 0, finished.out
    assert "1 passed" in finished.out


async def test_fragments_one_after_the_other(
    local: LocalECR, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with local.session() as session:
        names: dict[str, Any] = {"asyncio": asyncio, "ecr": ecr, "service": session.service()}
        for fragment in FRAGMENTS:
            names["session"] = session
            await execute(fragment, names)
    assert len((tmp_path / "nightly.jsonl").read_text().splitlines()) == 2
    assert names["preview"].status == "COMPLETE"
    assert len(names["images"]) == 2


async def execute(source: str, names: dict[str, Any]) -> None:
    """Run a fragment that may `await`, with `names` around it."""
    code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = types.FunctionType(code, names)()
    if inspect.isawaitable(outcome):
        await outcome


def test_the_counts_are_those_of_the_code() -> None:
    operations = [name for name in api.__all__ if inspect.iscoroutinefunction(getattr(api, name))]
    assert f"**All {len(operations)} operations**" in README
    assert f"It has {len(HANDLERS)} of the {len(operations)} operations" in README

"""Pages of documentation, and how their snippets are run.

A page is README.md or one of docs/. Its snippets run in the order in which they stand, in one folder:

- Python with `asyncio.run(` in it is a program, run on its own.
- Python with `def test_` in it is a test module, run by pytest.
- Other Python is a fragment: it may `await`, and has the names that earlier fragments left behind.
- `sh` is run by bash, and must succeed.

The names that fragments begin with are `asyncio`, `ecr`, `session` and `service`; programs and commands
find the same embedded ECR through the profile `prod`, which is also the environment's.
"""

import ast
import inspect
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ecr_async.local import LocalECR
from tests.integration.subprocesses import ROOT, environment, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_SNIPPET = re.compile(r"^```(python|sh)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@attrs.frozen
class Snippet:
    """One fenced block. `line` is where it begins, so that tracebacks lead to the page."""

    language: str
    source: str
    page: Path
    line: int

    @property
    def name(self) -> str:
        """The page and the line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_program(self) -> bool:
        """Whether it runs an event loop of its own."""
        return "asyncio.run(" in self.source

    @property
    def is_test(self) -> bool:
        """Whether it is a module of tests."""
        return re.search(r"def test_", self.source) is not None


def snippets(page: Path) -> Iterator[Snippet]:
    """Return a page's snippets, in order."""
    text = page.read_text()
    for found in _SNIPPET.finditer(text):
        yield Snippet(found[1], found[2], page, text.count("\n", 0, found.start(2)) + 1)


def links(page: Path) -> Iterator[str]:
    """Return the links of a page that lead to files."""
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in link and not link.startswith("mailto:"):
            yield link


def profile_of(local: LocalECR, folder: Path) -> dict[str, str]:
    """Write a config file whose profile `prod` leads to the embedded ECR; return the environment for it."""
    config = folder / "aws-config"
    config.write_text(
        f"[profile prod]\n"
        f"region = {local.region}\n"
        f"endpoint_url = {local.endpoint_url}\n"
        f"aws_access_key_id = {local.access_key_id}\n"
        f"aws_secret_access_key = {local.secret_access_key}\n"
    )
    bin_ = str(Path(sys.executable).parent)
    path = f"{bin_}:{environment().get('PATH', '')}"
    return environment(AWS_CONFIG_FILE=str(config), AWS_PROFILE="prod", PATH=path)


async def run_page(page: Path, folder: Path, env: Mapping[str, str], names: dict[str, Any]) -> None:
    """Run all snippets of a page in `folder`, which is the working directory."""
    for snippet in snippets(page):
        if snippet.language == "sh":
            script = folder / "snippet.sh"
            script.write_text(f"set -euo pipefail\ncd {folder}\n{snippet.source}")
            finished = await run("bash", script, env=env)
            assert finished.status == 0, f"{snippet.name}\n{finished.out}\n{finished.err}"
        elif snippet.is_program:
            finished = await run(sys.executable, "-c", snippet.source, env=env)
            assert (finished.status, finished.err) == (0, ""), snippet.name
        elif snippet.is_test:
            module = folder / f"test_line_{snippet.line}.py"
            module.write_text(snippet.source)
            options = "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", "/dev/null"
            finished = await run(sys.executable, "-m", "pytest", *options, module, env=env)
            assert finished.status == 0, f"{snippet.name}\n{finished.out}"
        else:
            await execute(snippet, names)


async def execute(snippet: Snippet, names: dict[str, Any]) -> None:
    """Run a fragment, which finds and leaves its names in `names`."""
    source = "\n" * (snippet.line - 1) + snippet.source
    code = compile(source, str(snippet.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = types.FunctionType(code, names)()
    if inspect.isawaitable(outcome):
        await outcome

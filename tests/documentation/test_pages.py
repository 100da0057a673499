"""Every snippet of every page runs, and every link leads somewhere."""

import asyncio
import re
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.documentation.pages import PAGES, links, profile_of, run_page
from tests.integration.local.content import create, manifest
from tests.integration.subprocesses import ROOT
from tests.integration.transfer.layouts import image, write_layout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
async def test_snippets(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with LocalECR(region="eu-west-1", verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        for layer in (b"old", b"new"):
            await ecr.put_image(service, ecr.PutImageRequest("team/app", manifest(layer), image_tag="main"))
        for name, value in (env := profile_of(local, tmp_path)).items():
            monkeypatch.setenv(name, value)
        if page.name == "README.md":
            write_layout(tmp_path / "layout", [("v1", image(b"a layer"))])
        names = {"asyncio": asyncio, "ecr": ecr, "session": session, "service": service, "local": local}
        await run_page(page, tmp_path, env, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_each_promise_names_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text())
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []

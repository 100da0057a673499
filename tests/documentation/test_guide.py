"""Every snippet of every page under docs/ runs, and every link leads somewhere."""

import asyncio
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.documentation.pages import PAGES, links, profile_of, run_page
from tests.integration.local.content import create, manifest
from tests.integration.subprocesses import ROOT

DOCS = [page for page in PAGES if page.name != "README.md"]


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
async def test_snippets(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with LocalECR(region="eu-west-1", verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        for layer in (b"old", b"new"):
            await ecr.put_image(service, ecr.PutImageRequest("team/app", manifest(layer), image_tag="main"))
        for name, value in (env := profile_of(local, tmp_path)).items():
            monkeypatch.setenv(name, value)
        names = {"asyncio": asyncio, "ecr": ecr, "session": session, "service": service, "local": local}
        await run_page(page, tmp_path, env, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []

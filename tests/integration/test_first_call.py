"""What a process loads before its first call, since short jobs and Lambda functions pay for it each time."""

import asyncio
import sys

from tests.faults.server import FaultServer, respond

PROGRAM = """
import asyncio, sys
import ecr_async as ecr

async def main(endpoint_url):
    async with ecr.Session(region="eu-west-1", endpoint_url=endpoint_url) as session:
        await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())

asyncio.run(main(sys.argv[1]))
print(*sys.modules)
"""

PACKAGES = {
    "aiohappyeyeballs",
    "aiohttp",
    "aiosignal",
    "attr",
    "attrs",
    "cython_runtime",
    "ecr_async",
    "frozenlist",
    "idna",
    "msgspec",
    "multidict",
    "propcache",
    "typing_extensions",
    "yarl",
}
"""Those of the core, and what aiohttp needs itself."""

TRIED_BY_AIOHTTP = {
    "aiodns",
    "brotli",
    "brotlicffi",
    "_brotli",
    "backports",
    "isal",
    "zlib_ng",
    "pycares",
    "cffi",
}

ROOMS = {
    "_arguments",
    "_auth",
    "_config",
    "_http",
    "_lazy",
    "_optional",
    "_pipeline",
    "_record",
    "_retry",
    "_secret",
    "_version",
    "_wire",
}
NOUNS = {"api", "errors", "pagination", "service", "session"}
NEEDED_BY_FEW = {
    "_auth.chain_failures",
    "_auth.chain_walk",
    "_auth.role",
    "_config.file_faults",
    "botocore",
    "configparser",
    "encodings.idna",
    "html.entities",
    "waiters",
}
"""Modules for credentials that botocore finds, roles, odd names, files that cannot be read, what failed."""

FAMILIES = {"common", "repositories", "tags"}


async def test_loads_what_it_needs_and_nothing_else() -> None:
    async with FaultServer(respond()) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            server.url,
            env={"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
    modules = set(output.decode().split())
    packages = {module.partition(".")[0] for module in modules}
    outside = {name for name in packages - sys.stdlib_module_names if not name.startswith("_")}
    assert outside - TRIED_BY_AIOHTTP <= PACKAGES
    rooms = {module.split(".")[1] for module in modules if module.startswith("ecr_async.")}
    assert rooms <= ROOMS | NOUNS
    loaded = {module.removeprefix("ecr_async.") for module in modules}
    assert not loaded & NEEDED_BY_FEW
    families = {module.split(".")[2] for module in modules if module.startswith("ecr_async.api.")}
    assert families <= FAMILIES

"""Reading a response needs no new memory from the system, which is paid for in page faults."""

import asyncio
import json
import platform
import sys

import pytest

from tests.faults.server import FaultServer, respond

PROGRAM = """
import asyncio, resource, sys
import ecr_async as ecr

async def main(endpoint_url):
    async with ecr.Session(region="eu-west-1", endpoint_url=endpoint_url) as session:
        async def call(times):
            for _ in range(times):
                await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        before = await call(50)
        print(await call(100) - before)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an allocator with other habits")
async def test_calls_cause_no_page_faults() -> None:
    names = [f"team/{index:060}" for index in range(800)]
    page = json.dumps({"repositories": [{"repositoryName": name} for name in names]}).encode()
    assert 64 * 1024 < len(page) < 128 * 1024
    async with FaultServer(respond(page)) as server:
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
    assert int(output) < 300, "page faults in 100 calls, of which each would have twenty"

"""Run moto's own ECR tests against the embedded ECR: `python -m tests.moto_suite.run`.

moto's tests can be pointed at a server. The one that they get here passes what is ECR's on to a `LocalECR`,
and the rest (keys of KMS, stacks of CloudFormation) to moto's own server. The tests come out of the source
distribution of the moto that is installed; none of them is kept here. What fails, and why, is in
`EXCEPTIONS.md`.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import aiohttp
from aiohttp import web

from ecr_async.local import LocalECR

ECR = "AmazonEC2ContainerRegistry"
HOP_BY_HOP = {"transfer-encoding", "content-encoding", "content-length", "connection"}


def unpack_tests(folder: Path) -> Path:
    """Download moto's source distribution and return the folder with its `tests`."""
    wanted = f"moto=={version('moto')}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        wanted,
    ]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    [archive] = folder.glob("moto-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


async def run(tests: Path, arguments: list[str]) -> int:
    """Serve both, run pytest on moto's tests, and return its exit status."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    local = LocalECR(
        verify_layers=False, verify_signatures=False, preview_polls=0, scan_polls=0, uri_style="aws"
    )
    async with local, aiohttp.ClientSession(auto_decompress=False) as client:

        async def forward(request: web.Request) -> web.Response:
            if request.path == "/moto-api/reset":
                await local.reset()
            to_ecr = request.headers.get("X-Amz-Target", "").startswith(ECR)
            base = local.endpoint_url if to_ecr else f"http://{host}:{port}"
            async with client.request(
                request.method,
                f"{base}{request.path_qs}",
                headers=request.headers,
                data=await request.read(),
            ) as response:
                headers = [(n, v) for n, v in response.headers.items() if n.lower() not in HOP_BY_HOP]
                return web.Response(status=response.status, body=await response.read(), headers=headers)

        application = web.Application(client_max_size=1 << 26)
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        front = "http://{}:{}".format(*runner.addresses[0][:2])
        environment = os.environ | {
            "TEST_SERVER_MODE": "true",
            "TEST_SERVER_MODE_ENDPOINT": front,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "PYTHONPATH": str(tests),
        }
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/test_ecr",
            *arguments,
        ]
        process = await asyncio.create_subprocess_exec(*command, cwd=tests, env=environment)
        status = await process.wait()
        await runner.cleanup()
    moto.stop()
    return status


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=Path, help="moto's source, if it is here already")
    known, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        tests = known.tests or unpack_tests(Path(folder))
        sys.exit(asyncio.run(run(tests, arguments)))


if __name__ == "__main__":
    main()

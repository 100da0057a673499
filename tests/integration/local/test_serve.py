"""`ecr-async serve`: what it prints can be pasted, and its options do what they say."""

import asyncio
import re
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.subprocesses import COMMAND, environment, run, started

BOTO3 = """
import boto3
ecr = boto3.client("ecr")
pager = ecr.get_paginator("describe_repositories")
names = [found for page in pager.paginate() for found in page["repositories"]]
print(len(names), names[0]["registryId"], names[0]["repositoryUri"])
"""


async def line_of(server: asyncio.subprocess.Process) -> str:
    assert server.stdout is not None
    return (await server.stdout.readline()).decode().strip()


async def test_the_line_of_env_can_be_pasted_into_a_shell() -> None:
    serve = *COMMAND, "serve", "--env", "--account", "210987654321", "--region", "eu-west-1", "--fill", "120"
    narrow = environment(COLUMNS="20")
    async with started(*serve, env=narrow) as server:
        line = await line_of(server)
        pasted = await run("sh", "-c", f"{line}; exec {sys.executable} -c '{BOTO3}'", env=environment())
        server.terminate()
        rest, err = await server.communicate()
    assert line.startswith("export ")
    assert (rest, err) == (b"", b"")
    assert re.fullmatch(r"3 210987654321 127\.0\.0\.1:\d+/billing/api\n", pasted.out), pasted.err


@pytest.mark.parametrize(
    ("style", "uri"),
    [
        ("aws", "123456789012.dkr.ecr.us-east-1.amazonaws.com/billing/api"),
        ("path", "/123456789012/us-east-1/billing/api"),
        ("host", "123456789012.dkr.ecr.us-east-1.localhost:"),
    ],
)
async def test_the_form_of_uris_can_be_chosen(style: str, uri: str) -> None:
    serve = *COMMAND, "serve", "--env", "--uri-style", style, "--fill", "1"
    async with started(*serve, env=environment()) as server:
        line = await line_of(server)
        pasted = await run("sh", "-c", f"{line}; exec {sys.executable} -c '{BOTO3}'", env=environment())
        server.terminate()
        await server.wait()
    assert uri in pasted.out


async def test_made_up_images_stay_where_a_folder_keeps_them(tmp_path: Path) -> None:
    serve = *COMMAND, "serve", "--data", tmp_path, "--fill", "60"
    counts = []
    for _ in range(2):
        async with started(*serve, env=environment()) as server:
            endpoint = await line_of(server)
            async with ecr.Session(
                endpoint_url=endpoint,
                region="us-east-1",
                access_key_id="AKIALOCALECR00000000",
                secret_access_key="local-ecr-secret-key",
            ) as session:
                pages = ecr.paginate_describe_images(
                    session.service(), ecr.DescribeImagesRequest("billing/api")
                )
                counts.append(len([image async for image in pages]))
            server.terminate()
            await server.wait()
    assert counts == [30, 30]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--account", "12"), "12 digits"),
        (("--region", "nowhere"), "such as us-east-1"),
        (("--port", "99999"), "65535"),
        (("--rate", "foo"), "DescribeImages=20/s"),
        (("--rate", "DescribeImages=0/s"), "more than 0"),
        (("--rate", "DescribeImage=1/s"), "must name an operation"),
        (("--events", "http://x:99999"), "a port from 1 to 65535"),
        (("--events", "ftp://x"), "http or https"),
        (("--events", "/no/such/folder/events.jsonl"), "No such file or directory"),
        (("--access-key", "a/b:secret"), "letters and digits"),
        (("--tls-cert", __file__), "go together"),
        (("--fill", "-1"), "--fill"),
    ],
)
async def test_options_that_make_no_sense(option: tuple[str, str], words: str) -> None:
    finished = await run(*COMMAND, "serve", *option, env=environment())
    assert finished.status == 2
    assert words in " ".join(finished.err.replace("│", " ").split())


# ---------------------------------------------------------------------------- TLS


async def test_a_session_trusts_the_certificate_that_the_server_made() -> None:
    async with LocalECR(tls=True) as local, local.session() as session:
        assert local.endpoint_url.startswith("https://")
        await create(session.service())


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "123456789012.dkr.ecr.eu-west-1.localhost",
        "123456789012.dkr-ecr.us-gov-west-1.on.aws",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "api.ecr.us-east-1.amazonaws.com",
    ],
)
async def test_the_certificate_is_good_for_every_registry(host: str) -> None:
    async with LocalECR(tls=True) as local:
        context = ssl.create_default_context(cafile=str(local.ca_certificate))
        async with (
            aiohttp.ClientSession() as client,
            client.get(local.url.joinpath("v2/"), ssl=context, server_hostname=host) as response,
        ):
            assert response.status == 401
            assert 'realm="https://' in response.headers["WWW-Authenticate"]


async def test_the_certificate_stays_with_the_data(tmp_path: Path) -> None:
    async with LocalECR(tls=True, data=tmp_path) as local:
        assert local.ca_certificate is not None
        first = local.ca_certificate.read_bytes()
    async with LocalECR(tls=True, data=tmp_path) as local, local.session() as session:
        assert local.ca_certificate is not None
        assert local.ca_certificate.read_bytes() == first
        await create(session.service())
    assert (tmp_path / "tls" / "server.pem").stat().st_mode & 0o777 == 0o600


async def test_a_certificate_can_be_given(tmp_path: Path) -> None:
    async with LocalECR(tls=True, data=tmp_path) as local:
        assert local.ca_certificate is not None
    server = tmp_path / "tls" / "server.pem"
    async with (
        LocalECR(tls=(server, server)) as local,
        local.session(ca_bundle=str(tmp_path / "tls" / "ca.pem")) as session,
    ):
        assert local.ca_certificate is None
        await create(session.service())


async def test_a_certificate_that_is_none_stops_the_start(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(ecr.ConfigurationError, match=r"nothing\.pem"):
        async with LocalECR(tls=(nothing, nothing)):
            pass

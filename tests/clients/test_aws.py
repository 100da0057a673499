"""AWS's own clients: the AWS CLI, the SDK for JavaScript and the credential helper of container tools."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.clients.processes import CLIENTS, Command, needs
from tests.integration.local.content import push
from tests.integration.local.distribution.client import basic

AWS = CLIENTS / "aws" / "bin" / "aws"
SDK = CLIENTS / "node_modules" / "@aws-sdk" / "client-ecr"
HELPER = "docker-credential-ecr-login"


def variables(local: LocalECR) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": local.access_key_id,
        "AWS_SECRET_ACCESS_KEY": local.secret_access_key,
        "AWS_REGION": local.region,
        "AWS_DEFAULT_REGION": local.region,
        "AWS_ENDPOINT_URL_ECR": local.endpoint_url,
    }


# ---------------------------------------------------------------------------- the AWS CLI


@needs(AWS)
async def test_the_aws_cli_creates_describes_and_deletes(local: LocalECR, service: Service) -> None:
    aws = Command((AWS, "--output", "json", "ecr"), variables(local))
    created = json.loads(await aws("create-repository", "--repository-name", "team/app"))["repository"]
    assert created["repositoryUri"] == f"{local.url.authority}/team/app"
    digest = await push(service, b"a layer", "v1")
    [image] = json.loads(await aws("describe-images", "--repository-name", "team/app"))["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (digest, ["v1"])
    err = await aws("describe-repositories", "--repository-names", "absent", check=False)
    assert "RepositoryNotFoundException" in err
    await aws("delete-repository", "--repository-name", "team/app", "--force")


@needs(AWS, "skopeo", "umoci")
@pytest.mark.usefixtures("repository")
async def test_its_password_opens_the_registry(
    local: LocalECR, registry: str, layout: Path, tmp_path: Path
) -> None:
    aws = Command((AWS, "ecr"), variables(local))
    password = await aws("get-login-password")
    skopeo, login = Command(("skopeo",), {"HOME": str(tmp_path)}), tmp_path / "made.json"
    await skopeo(
        "login",
        "--tls-verify=false",
        "--authfile",
        login,
        "-u",
        "AWS",
        "--password-stdin",
        registry,
        text=password,
    )
    await skopeo(
        "copy",
        "--dest-tls-verify=false",
        "--authfile",
        login,
        f"oci:{layout}:v1",
        f"docker://{registry}/team/app:v1",
    )


# ---------------------------------------------------------------------------- JavaScript

SCRIPT = """
const sdk = require("@aws-sdk/client-ecr");
(async () => {
  const client = new sdk.ECRClient({});
  await client.send(new sdk.CreateRepositoryCommand({ repositoryName: "from/node" }));
  const names = [];
  for await (const page of sdk.paginateDescribeRepositories({ client, pageSize: 2 }, {}))
    names.push(...page.repositories.map((one) => one.repositoryName));
  const { imageDetails } = await client.send(new sdk.DescribeImagesCommand({ repositoryName: "team/app" }));
  let code;
  try {
    await client.send(new sdk.DescribeImagesCommand({ repositoryName: "absent" }));
  } catch (error) {
    code = error instanceof sdk.RepositoryNotFoundException && error.$metadata.httpStatusCode;
  }
  const pushed = imageDetails[0].imagePushedAt instanceof Date;
  console.log(JSON.stringify({ names, tags: imageDetails[0].imageTags, code, pushed }));
})();
"""


@needs("node", SDK)
@pytest.mark.usefixtures("repository")
async def test_the_sdk_for_javascript(local: LocalECR, service: Service) -> None:
    await push(service, b"a layer", "v1")
    for name in ("a1", "b2"):
        await ecr.create_repository(service, ecr.CreateRepositoryRequest(name))
    node = Command(("node", "-e", SCRIPT), {**variables(local), "NODE_PATH": str(CLIENTS / "node_modules")})
    assert json.loads(await node()) == {
        "names": ["team/app", "a1", "b2", "from/node"],
        "tags": ["v1"],
        "code": 400,
        "pushed": True,
    }


# ---------------------------------------------------------------------------- the credential helper


@asynccontextmanager
async def proxy_to(local: LocalECR) -> AsyncIterator[str]:
    """Run a proxy that leads every tunnel to the embedded ECR; yield its URL.

    The helper knows no endpoint but AWS's, and requests a token from it by TLS.
    """

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        to_reader, to_writer = await asyncio.open_connection(local.url.host, local.url.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))

    async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@needs(HELPER)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
async def test_the_credential_helper_gets_a_login(tmp_path: Path, region: str) -> None:
    async with LocalECR(tls=True) as local, proxy_to(local) as proxy, local.session() as session:
        env = {
            **variables(local),
            "HTTPS_PROXY": proxy,
            "SSL_CERT_FILE": str(local.ca_certificate),
            "AWS_ECR_DISABLE_CACHE": "1",
            "HOME": str(tmp_path),
        }
        helper = Command((HELPER,), env)
        name = f"123456789012.dkr.ecr.{region}.amazonaws.com"
        found = json.loads(await helper("get", text=name))
        assert found["Username"] == "AWS"
        service = session.service(region)
        await ecr.create_repository(service, ecr.CreateRepositoryRequest("team/app"))
        async with (
            aiohttp.ClientSession(headers={"Authorization": basic("AWS", found["Secret"])}) as client,
            client.get(
                local.url.joinpath("v2/team/app/tags/list"), headers={"Host": name}, ssl=False
            ) as response,
        ):
            assert (response.status, await response.json()) == (200, {"name": "team/app", "tags": []})

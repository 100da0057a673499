"""boto3, pointed at the embedded ECR, does what it does with the real one."""

import asyncio
import base64
import json
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ecr_async.local import LocalECR
from ecr_async.local.json_values import compacted
from ecr_async.local.rules.policy_documents import reformatted
from ecr_async.oci.media_types import OCI_MANIFEST
from tests.integration.local.content import digest_of, manifest

LAYER = b"a layer of a few bytes"
IMAGE = manifest(LAYER)
POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)
RESOURCE_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}
)


@pytest.fixture
async def client(local: LocalECR) -> AsyncIterator[Any]:
    """A boto3 client whose calls are made in a thread."""
    made = boto3.session.Session(
        aws_access_key_id=local.access_key_id,
        aws_secret_access_key=local.secret_access_key,
        region_name="eu-west-1",
    ).client("ecr", endpoint_url=local.endpoint_url, config=Config(retries={"total_max_attempts": 1}))
    yield made
    made.close()


def push(client: Any, *tags: str) -> str:
    """Push the image with boto3, layers first; return its digest."""
    for blob in (b"{}", LAYER):
        upload = client.initiate_layer_upload(repositoryName="app")
        assert upload["partSize"] == 10485760
        sent = client.upload_layer_part(
            repositoryName="app",
            uploadId=upload["uploadId"],
            partFirstByte=0,
            partLastByte=len(blob) - 1,
            layerPartBlob=blob,
        )
        assert sent["lastByteReceived"] == len(blob) - 1
        done = client.complete_layer_upload(
            repositoryName="app", uploadId=upload["uploadId"], layerDigests=[digest_of(blob)]
        )
        assert done["layerDigest"] == digest_of(blob)
    for tag in tags:
        response = client.put_image(repositoryName="app", imageManifest=IMAGE, imageTag=tag)
        assert response["image"]["imageId"] == {"imageDigest": digest_of(IMAGE), "imageTag": tag}
    return digest_of(IMAGE)


async def test_repositories(client: Any) -> None:
    def work() -> None:
        created = client.create_repository(repositoryName="app")["repository"]
        assert created["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/app"
        client.create_repository(repositoryName="web")
        pages = client.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1})
        described = [repository for page in pages for repository in page["repositories"]]
        assert [repository["repositoryName"] for repository in described] == ["app", "web"]
        assert described[0] == created
        assert client.delete_repository(repositoryName="app")["repository"] == created
        with pytest.raises(client.exceptions.RepositoryNotFoundException) as raised:
            client.delete_repository(repositoryName="app")
        assert raised.value.response["ResponseMetadata"]["RequestId"]

    await asyncio.to_thread(work)


async def test_images_and_layers(client: Any) -> None:
    def work() -> None:
        client.create_repository(repositoryName="app")
        digest = push(client, "v1", "latest")
        available = client.batch_check_layer_availability(
            repositoryName="app", layerDigests=[digest_of(LAYER), digest_of(b"absent")]
        )
        assert [layer["layerAvailability"] for layer in available["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
        url = client.get_download_url_for_layer(repositoryName="app", layerDigest=digest_of(LAYER))
        with urllib.request.urlopen(url["downloadUrl"]) as response:
            assert response.read() == LAYER
        listed = client.get_paginator("list_images").paginate(repositoryName="app").build_full_result()
        assert sorted(image_id["imageTag"] for image_id in listed["imageIds"]) == ["latest", "v1"]
        got = client.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
        assert got["images"][0]["imageManifest"] == IMAGE
        assert got["failures"][0]["failureCode"] == "ImageNotFound"
        described = client.get_paginator("describe_images").paginate(repositoryName="app").build_full_result()
        [detail] = described["imageDetails"]
        assert detail["imageDigest"] == digest
        assert sorted(detail["imageTags"]) == ["latest", "v1"]
        assert detail["imageManifestMediaType"] == OCI_MANIFEST
        assert detail["imagePushedAt"] <= detail["lastRecordedPullTime"]
        deleted = client.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": digest}])
        assert len(deleted["imageIds"]) == 2
        assert deleted["failures"] == []

    await asyncio.to_thread(work)


async def test_policies(client: Any) -> None:
    def work() -> None:
        client.create_repository(repositoryName="app")
        client.set_repository_policy(repositoryName="app", policyText=RESOURCE_POLICY)
        assert client.get_repository_policy(repositoryName="app")["policyText"] == reformatted(
            RESOURCE_POLICY
        )
        client.delete_repository_policy(repositoryName="app")
        with pytest.raises(client.exceptions.RepositoryPolicyNotFoundException):
            client.get_repository_policy(repositoryName="app")

    await asyncio.to_thread(work)


async def test_lifecycle(client: Any) -> None:
    def work() -> None:
        client.create_repository(repositoryName="app")
        push(client, "v1")
        client.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=POLICY)
        assert client.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == compacted(POLICY)
        client.start_lifecycle_policy_preview(repositoryName="app")
        client.get_waiter("lifecycle_policy_preview_complete").wait(
            repositoryName="app", WaiterConfig={"Delay": 0}
        )
        preview = client.get_lifecycle_policy_preview(repositoryName="app")
        assert preview["summary"]["expiringImageTotalCount"] == 0
        client.delete_lifecycle_policy(repositoryName="app")
        with pytest.raises(client.exceptions.LifecyclePolicyNotFoundException):
            client.get_lifecycle_policy(repositoryName="app")

    await asyncio.to_thread(work)


async def test_authorization(client: Any, local: LocalECR) -> None:
    def work() -> None:
        [data] = client.get_authorization_token()["authorizationData"]
        assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
        assert data["proxyEndpoint"] == local.endpoint_url

    await asyncio.to_thread(work)


async def test_temporary_credentials_are_signed_with_their_token(local: LocalECR) -> None:
    def work() -> None:
        client = boto3.session.Session(
            local.access_key_id, local.secret_access_key, "a session/token+with=signs", "eu-west-1"
        ).client("ecr", endpoint_url=local.endpoint_url)
        assert client.describe_repositories()["repositories"] == []
        client.close()

    await asyncio.to_thread(work)

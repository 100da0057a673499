"""What a repository can be set to, and what it says that it is set to, as numbers."""

import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping

import attrs

from ecr_async import api as ecr
from ecr_async.service import Service

__all__ = ["SETTINGS", "Setting"]


@attrs.frozen
class Setting:
    """A kind of setting: how it is written and read."""

    write: Callable[[Service, str, int], Awaitable[object]]
    read: Callable[[Service, str], Awaitable[int]]


async def _write_policy(service: Service, name: str, value: int) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": value}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    text = json.dumps({"rules": [rule]})
    await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest(name, text))
    with contextlib.suppress(ecr.LifecyclePolicyPreviewInProgressException):
        await ecr.start_lifecycle_policy_preview(service, ecr.StartLifecyclePolicyPreviewRequest(name))


async def _read_policy(service: Service, name: str) -> int:
    response = await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest(name))
    return int(json.loads(response.lifecycle_policy_text or "")["rules"][0]["selection"]["countNumber"])


async def _arn(service: Service, name: str) -> str:
    request = ecr.DescribeRepositoriesRequest(repository_names=[name])
    [repository] = (await ecr.describe_repositories(service, request)).repositories
    return repository.repository_arn or ""


async def _write_tag(service: Service, name: str, value: int) -> None:
    tags = [ecr.Tag("number", str(value))]
    await ecr.tag_resource(service, ecr.TagResourceRequest(await _arn(service, name), tags))


async def _read_tag(service: Service, name: str) -> int:
    request = ecr.ListTagsForResourceRequest(await _arn(service, name))
    [tag] = (await ecr.list_tags_for_resource(service, request)).tags
    return int(tag.value)


async def _write_scanning(service: Service, name: str, value: int) -> None:
    configuration = ecr.ImageScanningConfiguration(bool(value % 2))
    request = ecr.PutImageScanningConfigurationRequest(name, configuration)
    await ecr.put_image_scanning_configuration(service, request)


async def _read_scanning(service: Service, name: str) -> int:
    request = ecr.DescribeRepositoriesRequest(repository_names=[name])
    [repository] = (await ecr.describe_repositories(service, request)).repositories
    assert repository.image_scanning_configuration is not None
    return int(bool(repository.image_scanning_configuration.scan_on_push))


async def _write_template(service: Service, name: str, value: int) -> None:
    applied = ["PULL_THROUGH_CACHE"]
    try:
        created = ecr.CreateRepositoryCreationTemplateRequest(name, applied, description=str(value))
        await ecr.create_repository_creation_template(service, created)
    except ecr.TemplateAlreadyExistsException:
        changed = ecr.UpdateRepositoryCreationTemplateRequest(name, description=str(value))
        await ecr.update_repository_creation_template(service, changed)


async def _read_template(service: Service, name: str) -> int:
    request = ecr.DescribeRepositoryCreationTemplatesRequest(prefixes=[name])
    response = await ecr.describe_repository_creation_templates(service, request)
    return int(response.repository_creation_templates[0].description or "")


SETTINGS: Mapping[str, Setting] = {
    "lifecycle policy": Setting(_write_policy, _read_policy),
    "resource tag": Setting(_write_tag, _read_tag),
    "scanning": Setting(_write_scanning, _read_scanning),
    "template": Setting(_write_template, _read_template),
}

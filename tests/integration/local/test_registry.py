"""What a registry has besides repositories: policies, rules, settings."""

import json
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules

import pytest

from ecr_async import api
from ecr_async import api as ecr
from ecr_async._wire.operation import Operation
from ecr_async.local import LocalECR
from ecr_async.local.operations import HANDLERS
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:ReplicateImage"}],
    }
)
PRINCIPAL = f"arn:aws:iam::{REGISTRY}:role/scanner"
NOW = datetime(2024, 1, 1, tzinfo=UTC)


async def test_the_registry_policy(service: Service) -> None:
    with pytest.raises(ecr.RegistryPolicyNotFoundException):
        await ecr.get_registry_policy(service, ecr.GetRegistryPolicyRequest())
    with pytest.raises(ecr.InvalidParameterException):
        await ecr.put_registry_policy(service, ecr.PutRegistryPolicyRequest("{}"))
    await ecr.put_registry_policy(service, ecr.PutRegistryPolicyRequest(POLICY))
    got = await ecr.get_registry_policy(service, ecr.GetRegistryPolicyRequest())
    assert got == ecr.GetRegistryPolicyResponse(REGISTRY, POLICY)
    deleted = await ecr.delete_registry_policy(service, ecr.DeleteRegistryPolicyRequest())
    assert deleted.policy_text == POLICY
    with pytest.raises(ecr.RegistryPolicyNotFoundException):
        await ecr.delete_registry_policy(service, ecr.DeleteRegistryPolicyRequest())


async def test_replication_rules(service: Service) -> None:
    fresh = await ecr.describe_registry(service, ecr.DescribeRegistryRequest())
    assert fresh == ecr.DescribeRegistryResponse(REGISTRY, ecr.ReplicationConfiguration(()))
    rules = (ecr.ReplicationRule((ecr.ReplicationDestination("eu-west-1", REGISTRY),)),)
    await ecr.put_replication_configuration(
        service, ecr.PutReplicationConfigurationRequest(ecr.ReplicationConfiguration(rules))
    )
    described = await ecr.describe_registry(service, ecr.DescribeRegistryRequest())
    assert described.replication_configuration == ecr.ReplicationConfiguration(rules)
    itself = (ecr.ReplicationRule((ecr.ReplicationDestination("us-east-1", REGISTRY),)),)
    with pytest.raises(ecr.InvalidParameterException):
        await ecr.put_replication_configuration(
            service, ecr.PutReplicationConfigurationRequest(ecr.ReplicationConfiguration(itself))
        )


async def test_account_settings_have_defaults_and_few_values(service: Service) -> None:
    async def get(name: str) -> str | None:
        return (await ecr.get_account_setting(service, ecr.GetAccountSettingRequest(name))).value

    assert await get("BLOB_MOUNTING") == "DISABLED"
    await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", "ENABLED"))
    assert await get("BLOB_MOUNTING") == "ENABLED"
    assert await get("REGISTRY_POLICY_SCOPE") == "V2"
    with pytest.raises(ecr.InvalidParameterException, match="value"):
        await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", "PERHAPS"))
    with pytest.raises(ecr.InvalidParameterException, match="name"):
        await get("COLOUR")


async def test_pull_time_update_exclusions(service: Service) -> None:
    async def listed() -> tuple[str, ...]:
        request = ecr.ListPullTimeUpdateExclusionsRequest()
        return (await ecr.list_pull_time_update_exclusions(service, request)).pull_time_update_exclusions

    register = ecr.RegisterPullTimeUpdateExclusionRequest(PRINCIPAL)
    deregister = ecr.DeregisterPullTimeUpdateExclusionRequest(PRINCIPAL)
    await ecr.register_pull_time_update_exclusion(service, register)
    assert await listed() == (PRINCIPAL,)
    with pytest.raises(ecr.ExclusionAlreadyExistsException):
        await ecr.register_pull_time_update_exclusion(service, register)
    await ecr.deregister_pull_time_update_exclusion(service, deregister)
    assert await listed() == ()
    with pytest.raises(ecr.ExclusionNotFoundException):
        await ecr.deregister_pull_time_update_exclusion(service, deregister)


async def test_the_signing_configuration(service: Service) -> None:
    with pytest.raises(ecr.SigningConfigurationNotFoundException):
        await ecr.get_signing_configuration(service, ecr.GetSigningConfigurationRequest())
    profile = f"arn:aws:signer:us-east-1:{REGISTRY}:/signing-profiles/ours"
    rules = (ecr.SigningRule(profile, (ecr.SigningRepositoryFilter("team/*", "WILDCARD_MATCH"),)),)
    configuration = ecr.SigningConfiguration(rules)
    await ecr.put_signing_configuration(service, ecr.PutSigningConfigurationRequest(configuration))
    got = await ecr.get_signing_configuration(service, ecr.GetSigningConfigurationRequest())
    assert got == ecr.GetSigningConfigurationResponse(REGISTRY, configuration)
    deleted = await ecr.delete_signing_configuration(service, ecr.DeleteSigningConfigurationRequest())
    assert deleted.signing_configuration == configuration
    with pytest.raises(ecr.SigningConfigurationNotFoundException):
        await ecr.delete_signing_configuration(service, ecr.DeleteSigningConfigurationRequest())


async def test_repository_creation_templates() -> None:
    async with LocalECR(clock=NOW.timestamp) as local, local.session() as session:
        service = session.service()

        async def described(*prefixes: str) -> list[ecr.RepositoryCreationTemplate]:
            request = ecr.DescribeRepositoryCreationTemplatesRequest(
                prefixes or None, max_results=1 if not prefixes else None
            )
            pager = ecr.paginate_describe_repository_creation_templates(service, request)
            return [template async for template in pager]

        create = ecr.CreateRepositoryCreationTemplateRequest("team", ["REPLICATION"], description="ours")
        await ecr.create_repository_creation_template(service, create)
        await ecr.create_repository_creation_template(
            service, ecr.CreateRepositoryCreationTemplateRequest("web", ["PULL_THROUGH_CACHE"])
        )
        with pytest.raises(ecr.TemplateAlreadyExistsException):
            await ecr.create_repository_creation_template(service, create)
        assert [template.prefix for template in await described()] == ["team", "web"]
        await ecr.update_repository_creation_template(
            service, ecr.UpdateRepositoryCreationTemplateRequest("team", image_tag_mutability="IMMUTABLE")
        )
        [template] = await described("team", "absent")
        assert (template.description, template.applied_for) == ("ours", ("REPLICATION",))
        assert (template.image_tag_mutability, template.created_at) == ("IMMUTABLE", NOW)
        await ecr.delete_repository_creation_template(
            service, ecr.DeleteRepositoryCreationTemplateRequest("team")
        )
        with pytest.raises(ecr.TemplateNotFoundException):
            await ecr.update_repository_creation_template(
                service, ecr.UpdateRepositoryCreationTemplateRequest("team")
            )
        with pytest.raises(ecr.InvalidParameterException):
            await ecr.update_repository_creation_template(
                service,
                ecr.UpdateRepositoryCreationTemplateRequest(
                    "web", image_tag_mutability="MUTABLE_WITH_EXCLUSION"
                ),
            )


async def test_pull_through_cache_rules(service: Service) -> None:
    create = ecr.CreatePullThroughCacheRuleRequest("public", "public.ecr.aws")
    created = await ecr.create_pull_through_cache_rule(service, create)
    assert (created.upstream_registry, created.upstream_repository_prefix) == ("ecr-public", "ROOT")
    with pytest.raises(ecr.PullThroughCacheRuleAlreadyExistsException):
        await ecr.create_pull_through_cache_rule(service, create)
    with pytest.raises(ecr.UnsupportedUpstreamRegistryException):
        await ecr.create_pull_through_cache_rule(
            service, ecr.CreatePullThroughCacheRuleRequest("mine", "registry.example.com")
        )
    role = f"arn:aws:iam::{REGISTRY}:role/puller"
    update = ecr.UpdatePullThroughCacheRuleRequest("public", custom_role_arn=role)
    assert (await ecr.update_pull_through_cache_rule(service, update)).custom_role_arn == role
    everything = ecr.DescribePullThroughCacheRulesRequest()
    [rule] = (await ecr.describe_pull_through_cache_rules(service, everything)).pull_through_cache_rules
    assert (rule.ecr_repository_prefix, rule.custom_role_arn) == ("public", role)
    delete = ecr.DeletePullThroughCacheRuleRequest("public")
    await ecr.delete_pull_through_cache_rule(service, delete)
    with pytest.raises(ecr.PullThroughCacheRuleNotFoundException):
        await ecr.delete_pull_through_cache_rule(service, delete)
    with pytest.raises(ecr.PullThroughCacheRuleNotFoundException):
        await ecr.describe_pull_through_cache_rules(
            service, ecr.DescribePullThroughCacheRulesRequest(ecr_repository_prefixes=["public"])
        )


def test_the_embedded_ecr_has_every_operation() -> None:
    modules = [import_module(f"ecr_async.api.{info.name}") for info in iter_modules(api.__path__)]
    values = [value for module in modules for value in vars(module).values()]
    operations = {value.name for value in values if isinstance(value, Operation)}
    assert operations == set(HANDLERS)


@pytest.mark.parametrize(
    ("url", "credential", "is_valid"),
    [
        ("public.ecr.aws", None, True),
        ("registry-1.docker.io", None, False),
        (
            "registry-1.docker.io",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/x",
            True,
        ),
    ],
)
async def test_a_pull_through_cache_rule_is_validated(
    service: Service, url: str, credential: str | None, is_valid: bool
) -> None:
    create_rule = ecr.CreatePullThroughCacheRuleRequest("cache", url, credential_arn=credential)
    await ecr.create_pull_through_cache_rule(service, create_rule)
    validate = ecr.ValidatePullThroughCacheRuleRequest("cache")
    response = await ecr.validate_pull_through_cache_rule(service, validate)
    assert response.is_valid is is_valid
    assert (response.failure is None) is is_valid

"""Our endpoints are botocore's, for every region that it knows and some that it doesn't.

There are two references. One is botocore's resolver of endpoint rules, given the same four inputs. The
other is a whole botocore client that is made to send a call: the URL that it is about to send it to, and
the scope that it signed it for. Nothing leaves the machine.

The two differ where the client drops FIPS and dual-stack without a word because there is a custom
endpoint: there we side with the rules, which reject that. And where a table older than the rules makes
the client reject dual-stack in a partition that has it by now.
"""

import functools
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import botocore.awsrequest
import botocore.exceptions
import botocore.hooks
import botocore.session
import pytest
from botocore.config import Config
from botocore.model import ServiceModel
from botocore.regions import EndpointResolverBuiltins, EndpointRulesetResolver

from ecr_async._config import endpoints
from ecr_async.errors import ConfigurationError

SESSION = botocore.session.Session()
SESSION.set_credentials("AKIDEXAMPLE", "secret")
LOADER = SESSION.get_component("data_loader")
PARTITIONS = LOADER.load_data("partitions")
RULES = LOADER.load_service_model("ecr", "endpoint-rule-set-1")
MODEL = ServiceModel(LOADER.load_service_model("ecr", "service-2"), "ecr")

UNKNOWN_REGIONS = ["eu-north-9", "cn-south-7", "us-gov-north-1", "us-isob-north-2", "mars-central-1"]
CUSTOM_ENDPOINTS = ["http://localhost:8000", "https://ecr.internal", "https://proxy.internal/ecr"]
VARIANTS = [(False, False), (False, True), (True, False), (True, True)]


def known_regions() -> Iterator[str]:
    """Every region of every partition, and the old pseudo-regions that meant FIPS."""
    for partition in PARTITIONS["partitions"]:
        yield from partition["regions"]
        for name in SESSION.get_available_regions("ecr", partition["id"], allow_non_regional=True):
            if "fips" in name and "dkr" not in name:
                yield name


REGIONS = [*known_regions(), *UNKNOWN_REGIONS]
REGIONS_PROPER = [region for region in REGIONS if "fips" not in region]


def url_by_us(region: str, use_fips: bool, use_dualstack: bool, endpoint_url: str | None) -> str | None:
    """Where we would send calls, or None if it is rejected."""
    try:
        return endpoints.resolve(
            region, use_fips=use_fips, use_dualstack=use_dualstack, endpoint_url=endpoint_url
        ).url
    except ConfigurationError:
        return None


def url_by_rules(region: str, use_fips: bool, use_dualstack: bool, endpoint_url: str | None) -> str | None:
    resolver = EndpointRulesetResolver(
        endpoint_ruleset_data=RULES,
        partition_data=PARTITIONS,
        service_model=MODEL,
        builtins={
            EndpointResolverBuiltins.AWS_REGION: region,
            EndpointResolverBuiltins.AWS_USE_FIPS: use_fips,
            EndpointResolverBuiltins.AWS_USE_DUALSTACK: use_dualstack,
            EndpointResolverBuiltins.SDK_ENDPOINT: endpoint_url,
        },
        client_context={},
        event_emitter=botocore.hooks.HierarchicalEmitter(),
    )
    try:
        url: str = resolver.construct_endpoint(MODEL.operation_model("DescribeRegistry"), {}, {}).url
    except botocore.exceptions.EndpointProviderError:
        return None
    return url


def sent_by_client(
    region: str, use_fips: bool, use_dualstack: bool, endpoint_url: str | None = None
) -> tuple[str, str, str]:
    """URL, signing region and signing name of a call of botocore's."""
    client = SESSION.create_client(
        "ecr",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(use_fips_endpoint=use_fips, use_dualstack_endpoint=use_dualstack),
    )
    sent: list[Any] = []
    client.meta.events.register("before-send.ecr", functools.partial(intercept, sent))
    client.describe_registry()
    (request,) = sent
    scope = re.search(rb"Credential=AKIDEXAMPLE/\d+/([^/]+)/([^/]+)/", request.headers["Authorization"])
    assert scope
    # A request's path is never empty, an endpoint's is.
    return request.url.removesuffix("/"), scope[1].decode(), scope[2].decode()


def intercept(sent: list[Any], request: Any, **_: Any) -> botocore.awsrequest.AWSResponse:
    sent.append(request)
    return botocore.awsrequest.AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda: [b"{}"]))


@pytest.mark.parametrize("region", REGIONS_PROPER)
def test_every_combination_is_resolved_or_rejected_as_botocores_rules_say(region: str) -> None:
    for use_fips, use_dualstack in VARIANTS:
        for endpoint_url in (None, *CUSTOM_ENDPOINTS):
            combination = (region, use_fips, use_dualstack, endpoint_url)
            assert url_by_us(*combination) == url_by_rules(*combination), combination


@pytest.mark.parametrize("region", REGIONS)
def test_a_botocore_client_sends_to_the_same_endpoint_and_signs_for_the_same_scope(region: str) -> None:
    for use_fips, use_dualstack in VARIANTS:
        try:
            sent = sent_by_client(region, use_fips, use_dualstack)
        except botocore.exceptions.EndpointProviderError:
            assert url_by_us(region, use_fips, use_dualstack, None) is None
            continue
        except botocore.exceptions.EndpointVariantError:
            assert "-iso" in region
            continue
        endpoint = endpoints.resolve(region, use_fips=use_fips, use_dualstack=use_dualstack)
        assert (endpoint.url, endpoint.signing_region, endpoint.signing_name) == sent


@pytest.mark.parametrize("endpoint_url", CUSTOM_ENDPOINTS)
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "mars-central-1"])
def test_a_custom_endpoint_is_signed_for_the_region_as_a_botocore_client_does(
    region: str, endpoint_url: str
) -> None:
    endpoint = endpoints.resolve(region, endpoint_url=endpoint_url)
    assert (endpoint.url, endpoint.signing_region, endpoint.signing_name) == sent_by_client(
        region, False, False, endpoint_url
    )


@pytest.mark.parametrize(
    "region", ["-", "1", "a_b", "eu-west-1/", "evil.example.com", "eu-west-1-", "a" * 64]
)
def test_what_botocore_rejects_as_a_regions_name_we_reject(region: str) -> None:
    with pytest.raises(botocore.exceptions.InvalidRegionError):
        sent_by_client(region, False, False)
    with pytest.raises(ConfigurationError, match="cannot be a region's name"):
        endpoints.resolve(region)


def test_the_references_resolve_and_reject() -> None:
    url = "https://api.ecr.eu-west-1.amazonaws.com"
    assert url_by_rules("eu-west-1", False, False, None) == url
    assert sent_by_client("eu-west-1", False, False) == (url, "eu-west-1", "ecr")
    assert url_by_rules("eu-west-1", True, False, "https://ecr.internal") is None

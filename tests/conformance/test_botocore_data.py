"""What our loader leaves out of botocore's endpoints makes no difference to services that issue
credentials.
"""

from pathlib import Path

import botocore.session
import pytest
from botocore.regions import EndpointResolver

from ecr_async._config.botocore_data import data_loader

REFERENCE = botocore.session.Session().get_component("data_loader")
THEIRS = REFERENCE.load_data("endpoints")
ISSUERS = {"signin", "sso", "sso-oidc", "sts"}.intersection(REFERENCE.list_available_services("service-2"))


@pytest.fixture(scope="module")
def ours() -> EndpointResolver:
    return EndpointResolver(data_loader().load_data("endpoints"))


@pytest.mark.parametrize("service", sorted(ISSUERS))
@pytest.mark.parametrize("partition", THEIRS["partitions"], ids=lambda partition: partition["partition"])
def test_issuers_of_credentials_keep_their_endpoints(
    service: str, partition: dict[str, dict[str, dict[str, str]]], ours: EndpointResolver
) -> None:
    prefix = REFERENCE.load_service_model(service, "service-2")["metadata"]["endpointPrefix"]
    theirs = EndpointResolver(THEIRS)
    for region in {*partition["regions"], *partition["services"].get(prefix, {}).get("endpoints", ())}:
        arguments = (prefix, region, partition["partition"])
        assert ours.construct_endpoint(*arguments) == theirs.construct_endpoint(*arguments)


def test_other_services_are_not_kept(ours: EndpointResolver) -> None:
    assert ours.get_available_endpoints("ec2") == []
    assert ours.get_available_endpoints("sts") == EndpointResolver(THEIRS).get_available_endpoints("sts")


def test_a_broken_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(ValueError, match="truncated"):
        data_loader(str(tmp_path)).load_data("endpoints")

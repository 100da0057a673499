"""Names of registries: what a client's name stands for, and the names that responses give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async.local.addresses import Addresses, RegistryKey, UriStyle
from ecr_async.local.partitions import partition_of

DEFAULT = RegistryKey("123456789012", "us-east-1")
OTHER = RegistryKey("210987654321", "eu-west-1")
ADDRESSES = Addresses(DEFAULT)


@pytest.mark.parametrize(
    "host",
    [
        "210987654321.dkr.ecr.eu-west-1.localhost:5000",
        "210987654321.dkr-ecr.eu-west-1.localhost:5000",
        "210987654321.dkr.ecr-fips.eu-west-1.localhost",
        "210987654321.DKR.ECR.eu-west-1.LocalHost:5000",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
        "210987654321.dkr-ecr.eu-west-1.on.aws:443",
    ],
)
def test_a_registrys_host_chooses_account_and_region(host: str) -> None:
    assert ADDRESSES.locate(host, "team/app") == (OTHER, "team/app")
    assert ADDRESSES.locate(host, "123456789012/us-east-1/app") == (OTHER, "123456789012/us-east-1/app")


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "registry.test"])
def test_other_hosts_leave_the_choice_to_the_path(host: str) -> None:
    assert ADDRESSES.of_host(host) is None
    assert ADDRESSES.locate(host, "team/app") == (DEFAULT, "team/app")
    assert ADDRESSES.locate(host, "210987654321/eu-west-1/team/app") == (OTHER, "team/app")


@pytest.mark.parametrize("name", ["12345/eu-west-1/app", "210987654321/europe/app", "210987654321/eu-west-1"])
def test_a_repository_may_look_almost_like_an_account_and_a_region(name: str) -> None:
    assert ADDRESSES.locate("localhost:5000", name) == (DEFAULT, name)


@pytest.mark.parametrize(
    ("style", "host", "key", "uri", "endpoint"),
    [
        ("caller", "localhost:5000", DEFAULT, "localhost:5000", "http://localhost:5000"),
        ("caller", "[::1]:5000", OTHER, "[::1]:5000/210987654321/eu-west-1", "http://[::1]:5000"),
        (
            "caller",
            "123456789012.dkr.ecr.us-east-1.localhost:5000",
            OTHER,
            "210987654321.dkr.ecr.eu-west-1.localhost:5000",
            "http://210987654321.dkr.ecr.eu-west-1.localhost:5000",
        ),
        (
            "caller",
            "123456789012.dkr-ecr.us-east-1.localhost:5000",
            DEFAULT,
            "123456789012.dkr-ecr.us-east-1.localhost:5000",
            "http://123456789012.dkr-ecr.us-east-1.localhost:5000",
        ),
        (
            "caller",
            "api.ecr.eu-west-1.amazonaws.com",
            OTHER,
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
            "http://210987654321.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        (
            "caller",
            "ecr.eu-west-1.api.aws",
            OTHER,
            "210987654321.dkr-ecr.eu-west-1.on.aws",
            "http://210987654321.dkr-ecr.eu-west-1.on.aws",
        ),
        (
            "host",
            "127.0.0.1:5000",
            DEFAULT,
            "123456789012.dkr.ecr.us-east-1.localhost:5000",
            "http://123456789012.dkr.ecr.us-east-1.localhost:5000",
        ),
        (
            "path",
            "localhost:5000",
            DEFAULT,
            "localhost:5000/123456789012/us-east-1",
            "http://localhost:5000",
        ),
        (
            "path",
            "123456789012.dkr.ecr.us-east-1.localhost:5000",
            DEFAULT,
            "localhost:5000/123456789012/us-east-1",
            "http://localhost:5000",
        ),
        (
            "aws",
            "localhost:5000",
            OTHER,
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
            "https://210987654321.dkr.ecr.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_uris_have_the_style_that_was_chosen(
    style: UriStyle, host: str, key: RegistryKey, uri: str, endpoint: str
) -> None:
    addresses = Addresses(DEFAULT, style)
    assert addresses.uri(host, key) == uri
    assert addresses.endpoint("http", host, key) == endpoint


keys = st.builds(
    RegistryKey,
    st.from_regex("[0-9]{12}", fullmatch=True),
    st.sampled_from(["us-east-1", "eu-central-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"]),
)


@given(
    key=keys,
    style=st.sampled_from(["caller", "host", "path", "aws"]),
    host=st.sampled_from(
        ["localhost:5000", "127.0.0.1:80", "api.ecr.us-east-1.localhost:1", "ecr.us-east-1.api.aws"]
    ),
    name=st.from_regex(r"[a-z0-9]{1,9}(/[a-z0-9]{1,9}){0,2}", fullmatch=True),
)
def test_a_uri_leads_back_to_its_repository(key: RegistryKey, style: UriStyle, host: str, name: str) -> None:
    uri = f"{Addresses(DEFAULT, style).uri(host, key)}/{name}"
    registry, _, path = uri.partition("/")
    assert ADDRESSES.locate(registry, path) == (key, name)


@pytest.mark.parametrize(
    ("region", "name", "domain"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("xx-somewhere-9", "aws", "amazonaws.com"),
    ],
)
def test_partitions(region: str, name: str, domain: str) -> None:
    assert (partition_of(region).name, partition_of(region).domain) == (name, domain)

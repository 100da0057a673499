"""Authorization tokens: what a container client logs in with."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.authentication import Caller
from ecr_async.local.operations.authorization import open_password
from ecr_async.local.state.sealing import Sealer
from ecr_async.service import Service

ROLE = "arn:aws:iam::111111111111:role/puller"
NOW = datetime(2024, 1, 1, tzinfo=UTC)


async def test_a_token_is_for_twelve_hours_and_this_server() -> None:
    async with LocalECR(clock=NOW.timestamp) as local, local.session() as session:
        response = await ecr.get_authorization_token(session.service(), ecr.GetAuthorizationTokenRequest())
        [data] = response.authorization_data
        assert data.expires_at == NOW + timedelta(hours=12)
        assert data.proxy_endpoint == local.endpoint_url
    assert data.authorization_token is not None
    user, _, password = base64.b64decode(data.authorization_token).decode().partition(":")
    assert user == "AWS"
    assert password


async def test_each_registry_that_is_named_gets_one(service: Service) -> None:
    request = ecr.GetAuthorizationTokenRequest(["123456789012", "210987654321"])
    response = await ecr.get_authorization_token(service, request)
    assert len(response.authorization_data) == 2


def test_a_password_holds_whose_it_is_and_when_it_expires() -> None:
    sealer = Sealer(b"secret")
    password = sealer.seal("authorization", ["1" * 12, "eu-west-1", ROLE, NOW.timestamp()])
    assert open_password(sealer, password) == (Caller("1" * 12, "eu-west-1", ROLE), NOW.timestamp())


@pytest.mark.parametrize(
    "password",
    ["", "made up", Sealer(b"other").seal("authorization", []), Sealer(b"secret").seal("download", [])],
)
def test_a_password_of_another_making_is_nobodys(password: str) -> None:
    with pytest.raises(ValueError, match="sealed"):
        open_password(Sealer(b"secret"), password)

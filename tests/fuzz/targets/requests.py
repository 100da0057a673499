"""Documents as requests to the embedded ECR, one target an operation: carried out, or a `ServiceError`."""

import base64
from functools import cache, partial

from ecr_async._wire.operation import AnyOperation
from ecr_async.errors import ServiceError
from ecr_async.local.addresses import Addresses, RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.awsjson.requests import read_request
from ecr_async.local.backend import Backend
from ecr_async.local.operations import HANDLERS
from ecr_async.local.operations.table import Handler
from ecr_async.local.rules.registry import Rules, Scope
from ecr_async.local.wire import write_response
from ecr_async.oci import digest_of
from tests.fuzz.outcomes import LOOP
from tests.fuzz.samples import sample
from tests.fuzz.target import Target
from tests.fuzz.targets.lifecycle import TARGET as POLICIES
from tests.integration.transfer.layouts import image

__all__ = ["TARGETS"]

INPUTS_OF_A_STATE = 400
"""After so many inputs the server is emptied, so that it stays small."""

MADE = image(b"a layer", b"another one")
ARN = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
NAMED = {
    "registryId": "123456789012",
    "repositoryName": "team/app",
    "imageTag": "v1",
    "imageManifest": MADE.content.decode(),
    "imageManifestMediaType": MADE.media_type,
    "imageDigest": MADE.digest,
    "layerDigest": digest_of(b"a layer"),
    "layerDigests": digest_of(b"a layer"),
    "uploadId": "11111111-2222-4333-8444-555555555555",
    "layerPartBlob": base64.b64encode(b"a layer").decode(),
    "partFirstByte": 0,
    "partLastByte": 6,
    "resourceArn": ARN,
    "principalArn": "arn:aws:iam::123456789012:role/reader",
    "lifecyclePolicyText": POLICIES.seeds[0].decode(),
    "policyText": '{"Version": "2012-10-17", "Statement": []}',
    "nextToken": "bmV4dA==",
    "ecrRepositoryPrefix": "cache",
    "prefix": "team",
    "upstreamRegistryUrl": "public.ecr.aws",
    "region": "us-east-1",
    "filter": "team*",
    "appliedFor": "REPLICATION",
}


class Server:
    """What is behind the embedded ECR's doors, with a repository and an image in it."""

    def __init__(self) -> None:
        rules = Rules(Addresses(RegistryKey("123456789012", "eu-west-1"), "caller"), verify_layers=False)
        self.backend = LOOP.run_until_complete(Backend.open(None, rules, lambda: 1.7e9))
        self._left = 0

    def carry_out(self, handler: Handler, body: bytes) -> bytes:
        """Carry out a request; raises `ServiceError`."""
        if not self._left:
            self._left = INPUTS_OF_A_STATE
            LOOP.run_until_complete(self.backend.reset())
            for name in ("CreateRepository", "PutImage"):
                self.carry_out(HANDLERS[name], seeds(HANDLERS[name].operation)[-1])
        self._left -= 1
        request = read_request(handler.operation, body)
        scope = Scope(Caller("123456789012", "eu-west-1"), handler.operation.name, "http://localhost:1")
        return LOOP.run_until_complete(handler.run(self.backend, scope, request, write_response))


server = cache(Server)


def seeds(operation: AnyOperation) -> list[bytes]:
    """Return a request with all members, and one without those that don't go with others."""
    every = sample(operation.request, NAMED)
    alone = operation.exclusive[0] if operation.exclusive else ""
    left_out = {alone, "next_token", "encryption_configuration", "image_tag_mutability_exclusion_filters"}
    fewer = sample(operation.request, NAMED, items=1, leave_out=left_out)
    return [every, fewer]


def _carried_out(handler: Handler, tried: bytes) -> str:
    try:
        server().carry_out(handler, tried)
    except ServiceError as error:
        return str(error.code)
    return "carried out"


TARGETS = [
    Target(f"request {name}", seeds(handler.operation), partial(_carried_out, handler))
    for name, handler in HANDLERS.items()
]

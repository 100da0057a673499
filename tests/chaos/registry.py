"""A small registry with a memory, behind a server of which nobody expects anything good."""

import hashlib
import json
from collections import Counter
from typing import Any

from tests.chaos.misbehaviour import Reply
from tests.faults.server import Request

__all__ = ["Registry"]

MAX_PAGE_SIZE = 25
POLLS_OF_A_PREVIEW = 4


class Rejection(Exception):
    """One of the API's errors; its argument is the code."""


class Registry:
    """Repositories and their images; `effects` counts what was done under each name."""

    def __init__(self, repositories: int = 30) -> None:
        self.images = {
            f"team-{number % 7}/app-{number:02}": [digest(number, image) for image in range(number * 5)]
            for number in range(repositories)
        }
        self.effects: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()

    async def respond(self, request: Request) -> Reply:
        """Carry out a request."""
        operation = request.headers["x-amz-target"].partition(".")[2]
        handler = getattr(self, f"_{operation}")
        try:
            return Reply(json.dumps(handler(json.loads(request.body))).encode())
        except Rejection as rejection:
            return Reply(json.dumps({"__type": str(rejection), "message": "no"}).encode(), 400)

    def _DescribeRepositories(self, members: dict[str, Any]) -> dict[str, Any]:
        return page("repositories", [{"repositoryName": name} for name in self.images], members)

    def _DescribeImages(self, members: dict[str, Any]) -> dict[str, Any]:
        images = self.images[members["repositoryName"]]
        return page(
            "imageDetails", [{"imageDigest": image, "imagePushedAt": 1.7e9} for image in images], members
        )

    def _CreateRepository(self, members: dict[str, Any]) -> dict[str, Any]:
        name = members["repositoryName"]
        if self.effects[name]:
            raise Rejection("RepositoryAlreadyExistsException")
        self.effects[name] += 1
        return {"repository": {"repositoryName": name}}

    def _InitiateLayerUpload(self, members: dict[str, Any]) -> dict[str, Any]:
        self.effects[members["repositoryName"]] += 1
        return {"uploadId": "11111111-2222-4333-8444-555555555555", "partSize": 10485760}

    def _GetLifecyclePolicyPreview(self, members: dict[str, Any]) -> dict[str, Any]:
        self._polls[members["repositoryName"]] += 1
        done = self._polls[members["repositoryName"]] % POLLS_OF_A_PREVIEW == 0
        return {"status": "COMPLETE" if done else "IN_PROGRESS"}


def digest(repository: int, image: int) -> str:
    return f"sha256:{hashlib.sha256(f'{repository}/{image}'.encode()).hexdigest()}"


def page(key: str, items: list[dict[str, Any]], members: dict[str, Any]) -> dict[str, Any]:
    start = int(members.get("nextToken", 0))
    stop = start + min(members.get("maxResults", 100), MAX_PAGE_SIZE)
    more = {"nextToken": str(stop)} if stop < len(items) else {}
    return {key: items[start:stop], **more}

"""For tests of code that uses ECR: a pytest plugin, and the embedded ECR on a thread of its own.

The plugin is there as soon as this package and pytest are installed, with the fixtures `local_ecr`,
`ecr_session`, `ecr_service` and `ecr_environment`:

    async def test_deploys_the_newest_release(local_ecr, ecr_service):
        image = local_ecr.push_image("team/app", "v1")
        assert await newest_release(ecr_service, "team/app") == image.digest

One server, on a thread of its own, serves all tests of a process; each test finds it empty. So synchronous
tests can use it, with boto3 for instance, and asynchronous ones on whichever event loop.
"""

from typing import TYPE_CHECKING

from ecr_async._lazy import lazily

if TYPE_CHECKING:
    from ecr_async.testing.images import LocalImage
    from ecr_async.testing.threaded import ThreadedLocalECR

__all__ = ["LocalImage", "ThreadedLocalECR"]

if not TYPE_CHECKING:  # every run of pytest imports the plugin, so this costs nothing until it is used
    __getattr__ = lazily(__name__, {"LocalImage": "images", "ThreadedLocalECR": "threaded"})

"""Delete the images that a lifecycle policy would expire, now and with a look at them first.

    python examples/clean_up.py team/app --keep-newest 50 --untagged-days 14            # only looks
    python examples/clean_up.py team/app --keep-newest 50 --untagged-days 14 --delete

A lifecycle policy preview of ECR's own says which images these are. The repository's own policy, if
it has one, stays as it is. Region, credentials and endpoint are those of the AWS SDKs' environment.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule


async def clean_up(repository: str, policy: LifecyclePolicy, *, delete: bool) -> bool:
    """List what the policy would expire, delete it if requested, and return whether all went well."""
    async with ecr.Session() as session:
        service = session.service()
        images = [image async for image in expiring(service, repository, policy)]
        if not delete:
            print(f"{len(images):,} images would be deleted; --delete does it")
            return True
        deleted = await ecr.delete_images(service, repository, images, dry_run=False)
    for failure in deleted.failures:
        print(f"{failure.id.image_digest}: {failure.code}: {failure.reason}", file=sys.stderr)
    print(f"{len(images) - len(deleted.failures):,} images deleted, {len(deleted.failures):,} not")
    return not deleted.failures


async def expiring(
    service: ecr.Service, repository: str, policy: LifecyclePolicy
) -> AsyncIterator[ecr.ImageIdentifier]:
    """Preview the policy, print each image that it would expire, and give its digest."""
    await ecr.start_lifecycle_policy_preview(
        service, ecr.StartLifecyclePolicyPreviewRequest(repository, lifecycle_policy_text=policy.to_json())
    )
    request = ecr.GetLifecyclePolicyPreviewRequest(repository, max_results=100)
    await ecr.wait_until_lifecycle_policy_preview_complete(service, request)
    async for result in ecr.paginate_get_lifecycle_policy_preview(service, request):
        if result.image_digest and result.image_pushed_at:
            tags = " ".join(result.image_tags) or "(untagged)"
            print(f"{result.image_pushed_at:%Y-%m-%d}  rule {result.applied_rule_priority}  {tags}")
            yield ecr.ImageIdentifier(image_digest=result.image_digest)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository")
    parser.add_argument("--untagged-days", type=int, default=14, help="how old untagged images get [14]")
    parser.add_argument("--keep-newest", type=int, default=100, help="how many other images stay [100]")
    parser.add_argument("--delete", action="store_true", help="delete the images instead of listing them")
    options = parser.parse_args()
    policy = LifecyclePolicy(
        [
            Rule.expire(1, "untagged", days_since_pushed=options.untagged_days),
            Rule.expire(2, "any", keep_newest=options.keep_newest),
        ]
    )
    try:
        clean = asyncio.run(clean_up(options.repository, policy, delete=options.delete))
    except ecr.ECRError as error:
        sys.exit(str(error))
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()

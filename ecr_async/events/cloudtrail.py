"""CloudTrail's records about ECR: calls of its API, and the runs of lifecycle policies.

A record comes in an EventBridge event, as its `detail`, or by itself, out of a log file.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ecr_async.events.event import Common, Event
from ecr_async.events.members import Members

__all__ = [
    "ApiCall",
    "ExecutedPolicy",
    "ExecutedRule",
    "LifecycleImageAction",
    "LifecyclePolicyExecution",
    "PullFailed",
    "RepositoryCreated",
    "is_record",
    "read_record",
]

PULLS = frozenset({"BatchGetImage", "GetDownloadUrlForLayer"})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ApiCall(Event):
    """A call of ECR's API (`AWS API Call via CloudTrail`).

    It comes only where a trail records management events. Calls whose names begin with `Describe`, `Get` or
    `List` come only by a rule whose state is `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.

    See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """

    event_name: str
    """The operation: `CreateRepository`, `PutImage`, …"""
    error_code: str | None
    """The error with which ECR rejected the call; `None` for a call that succeeded."""
    error_message: str | None
    """What ECR said about the error; `None` for a call that succeeded."""
    request_parameters: Mapping[str, Any]
    """The request, with the API's own member names; empty where the record has none."""
    response_elements: Mapping[str, Any]
    """The response; CloudTrail leaves it out for calls that only read."""
    user_identity: Mapping[str, Any]
    """Who made the call, with CloudTrail's own member names: `type`, `arn`, `accountId`, …"""
    source_ip_address: str | None
    """Where the call came from: an IP address, or the name of the AWS service that made it."""
    user_agent: str | None
    """The program that made the call, as it calls itself."""
    read_only: bool | None
    """Whether the operation changes nothing."""

    @property
    def succeeded(self) -> bool:
        """Whether ECR carried out the call."""
        return self.error_code is None

    @property
    def repository_name(self) -> str | None:
        """The repository that the call was about, where it was about one."""
        name = self.request_parameters.get("repositoryName")
        return name if isinstance(name, str) else None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RepositoryCreated(ApiCall):
    """A repository was created by a call. (ECR itself sends no event for that.)"""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PullFailed(ApiCall):
    """An image could not be pulled: a call of BatchGetImage or GetDownloadUrlForLayer failed.

    That is how the pull of an archived image is seen. ECR sends no event for pulls.
    """


@attrs.frozen
class ExecutedRule:
    """A rule of the lifecycle policy that ran, in CloudTrail's words, which differ from the policy's."""

    priority: int | None
    """The rule's priority: of the rules that an image comes under, the one with the lowest number acts."""
    description: str | None
    action: str | None
    """`expire`, or what else the rule does with the images that it selects."""
    tag_status: str | None
    """Which images the rule is about: `Any`, `Tagged` or `Untagged`."""
    tag_prefixes: tuple[str, ...]
    """What the tags of these images begin with; empty where the rule has no prefixes."""
    tag_patterns: tuple[str, ...]
    """Patterns for these tags, with `*` as wildcard; empty where the rule has none."""
    count_type: str | None
    """`Image count more than` or `Time since image pushed`."""
    count_unit: str | None
    """`Days` for a rule about time; `None` for one about the number of images."""
    count_number: int | None
    """The number of images, or of `count_unit`s, past which the rule acts."""


@attrs.frozen
class ExecutedPolicy:
    """The lifecycle policy that ran."""

    policy_id: str | None
    """CloudTrail's identifier of the policy."""
    policy_version: int | None
    """CloudTrail's number of the policy's version."""
    last_evaluated_at: datetime | None
    """When it ran before, aware; `None` for never."""
    rules: tuple[ExecutedRule, ...]
    """The policy's rules, in CloudTrail's order."""


@attrs.frozen
class LifecycleImageAction:
    """An image that the run acted upon."""

    image_digest: str | None
    """The digest of the image's manifest."""
    image_tags: tuple[str, ...]
    """The image's tags, at most 100; empty for an untagged one."""
    tag_status: str | None
    """`Tagged` or `Untagged`."""
    pushed_at: datetime | None
    """When the image was pushed, aware."""
    rule_priority: int | None
    """The priority of the rule that the image came under."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class LifecyclePolicyExecution(Event):
    """A run of a repository's lifecycle policy (CloudTrail's `PolicyExecutionEvent`).

    A run over ten or more images is several events.

    See https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
    """

    repository_name: str
    """The repository's name, namespace included."""
    policy: ExecutedPolicy
    """The policy, as it was when it ran."""
    image_actions: tuple[LifecycleImageAction, ...]
    """The images that this event reports; empty for a run that found nothing to do."""
    failures: tuple[Mapping[str, Any], ...]
    """What could not be done, with CloudTrail's own member names."""


def is_record(value: object) -> bool:
    """Return whether a JSON value is a CloudTrail record, of whichever service."""
    match value:
        case {"eventSource": str(), "eventName": str(), "eventID": str()}:
            return True
        case _:
            return False


def read_record(common: Common, record: Members) -> Event | None:
    """Return the event of a CloudTrail record, or None where it isn't about ECR."""
    if record.text("eventSource") != "ecr.amazonaws.com":
        return None
    if record.text("eventName") == "PolicyExecutionEvent":
        return _execution(common, record.members("serviceEventDetails"))
    return _api_call(common, record)


def _api_call(common: Common, record: Members) -> ApiCall:
    name, error_code = record.text("eventName"), record.text_or_none("errorCode")
    response = record.members("responseElements").values
    kind = ApiCall
    if name == "CreateRepository" and error_code is None:
        kind = RepositoryCreated
    elif name in PULLS and (error_code is not None or response.get("failures")):
        kind = PullFailed
    return kind(
        **common,
        event_name=name,
        error_code=error_code,
        error_message=record.text_or_none("errorMessage"),
        request_parameters=record.members("requestParameters").values,
        response_elements=response,
        user_identity=record.members("userIdentity").values,
        source_ip_address=record.text_or_none("sourceIPAddress"),
        user_agent=record.text_or_none("userAgent"),
        read_only=record.flag_or_none("readOnly"),
    )


def _execution(common: Common, details: Members) -> LifecyclePolicyExecution:
    return LifecyclePolicyExecution(
        **common,
        repository_name=details.text("repositoryName"),
        policy=_policy(details.members("lifecycleEventPolicy")),
        image_actions=tuple(_image_action(action) for action in details.items("lifecycleEventImageActions")),
        failures=tuple(failure.values for failure in details.items("lifecycleEventFailureDetails")),
    )


def _policy(policy: Members) -> ExecutedPolicy:
    return ExecutedPolicy(
        policy_id=policy.text_or_none("policyId"),
        policy_version=policy.integer_or_none("policyVersion"),
        last_evaluated_at=policy.moment_of_milliseconds("lastEvaluatedAt"),
        rules=tuple(_rule(rule) for rule in policy.items("lifecycleEventRules")),
    )


def _rule(rule: Members) -> ExecutedRule:
    selection = rule.members("lifecycleEventSelection")
    return ExecutedRule(
        priority=rule.integer_or_none("rulePriority"),
        description=rule.text_or_none("description"),
        action=rule.text_or_none("action"),
        tag_status=selection.text_or_none("tagStatus"),
        tag_prefixes=selection.texts("tagPrefixList"),
        tag_patterns=selection.texts("tagPatternList"),
        count_type=selection.text_or_none("countType"),
        count_unit=selection.text_or_none("countUnit"),
        count_number=selection.integer_or_none("countNumber"),
    )


def _image_action(action: Members) -> LifecycleImageAction:
    image = action.members("lifecycleEventImage")
    return LifecycleImageAction(
        image_digest=image.text_or_none("digest"),
        image_tags=image.texts("tagList"),
        tag_status=image.text_or_none("tagStatus"),
        pushed_at=image.moment_of_milliseconds("pushedAt"),
        rule_priority=action.integer_or_none("rulePriority"),
    )

"""Every example of the user guide, with the outcome that the guide gives.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
"""

import json
from typing import Any

import pytest

from ecr_async.lifecycle import LifecyclePolicy, Rule
from tests.unit.lifecycle.images import archived, image, taken

DAYS = {"countUnit": "days"}
EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def document(*rules: tuple[dict[str, Any], dict[str, str]]) -> str:
    """Return the text of a policy whose rules have these selections and actions, in order."""
    written = [
        {
            "rulePriority": priority,
            "description": f"Rule {priority}",
            "selection": selection,
            "action": action,
        }
        for priority, (selection, action) in enumerate(rules, start=1)
    ]
    return json.dumps({"rules": written}, indent=4)


def tagged(*patterns: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": list(patterns)}


def newest(count: int) -> dict[str, Any]:
    return {"countType": "imageCountMoreThan", "countNumber": count}


def pushed(days: int) -> dict[str, Any]:
    return {"countType": "sinceImagePushed", "countNumber": days, **DAYS}


def pulled(days: int) -> dict[str, Any]:
    return {"countType": "sinceImagePulled", "countNumber": days, **DAYS}


def transitioned(days: int) -> dict[str, Any]:
    return {
        "storageClass": "archive",
        "countType": "sinceImageTransitioned",
        "countNumber": days,
        **DAYS,
    }


UNTAGGED = {"tagStatus": "untagged"}
ANY = {"tagStatus": "any"}


def test_filtering_on_image_age() -> None:
    policy = LifecyclePolicy.from_json(document((tagged("prod*") | pushed(14), EXPIRE)))
    images = [
        image("A", ["production"], pushed=15),
        image("B", ["prod"], pushed=14),
        image("C", ["beta"], pushed=15),
    ]
    assert taken(policy, images) == "A"


def test_filtering_on_last_pulled_time() -> None:
    policy = LifecyclePolicy.from_json(document((ANY | pulled(90), ARCHIVE)))
    assert policy.rules == (Rule.archive(1, "any", days_since_pulled=90, description="Rule 1"),)
    assert taken(policy, [image("A", pushed=91), image("B", pushed=89)]) == "A"


def test_filtering_on_archive_transition_time() -> None:
    policy = LifecyclePolicy.from_json(document((ANY | transitioned(365), EXPIRE)))
    assert policy.rules == (Rule.expire(1, "any", days_since_archived=365, description="Rule 1"),)
    assert taken(policy, [archived("A", days=366), archived("B", days=365), image("C", pushed=999)]) == "A"


def test_filtering_on_image_count() -> None:
    policy = LifecyclePolicy.from_json(document((UNTAGGED | newest(1), EXPIRE)))
    images = [image("A", pushed=1), image("B", pushed=2), image("C", pushed=3), image("D", ["v1"], pushed=4)]
    assert taken(policy, images) == "CB"


BETA_AND_PROD = [
    image("A", ["beta-1", "prod-1"], pushed=10),
    image("B", ["beta-2", "prod-2"], pushed=9),
    image("C", ["beta-3"], pushed=8),
]


def test_filtering_on_multiple_rules_a() -> None:
    rules = (tagged("prod*") | newest(1), EXPIRE), (tagged("beta*") | newest(1), EXPIRE)
    assert taken(LifecyclePolicy.from_json(document(*rules)), BETA_AND_PROD) == "A"


def test_filtering_on_multiple_rules_b() -> None:
    rules = (tagged("beta*") | newest(1), EXPIRE), (tagged("prod*") | newest(1), EXPIRE)
    assert taken(LifecyclePolicy.from_json(document(*rules)), BETA_AND_PROD) == "AB"


def test_filtering_on_multiple_tags_in_a_single_rule_a() -> None:
    policy = LifecyclePolicy.from_json(document((tagged("alpha*", "beta*") | pushed(5), EXPIRE)))
    images = [
        image("A", ["alpha-1"], pushed=12),
        image("B", ["beta-1"], pushed=11),
        image("C", ["alpha-2", "beta-2"], pushed=10),
        image("D", ["alpha-3"], pushed=4),
        image("E", ["beta-3"], pushed=3),
        image("F", ["alpha-4", "beta-4"], pushed=2),
    ]
    assert taken(policy, images) == "C"


def test_filtering_on_multiple_tags_in_a_single_rule_b() -> None:
    policy = LifecyclePolicy.from_json(document((tagged("alpha*", "beta*") | newest(1), EXPIRE)))
    images = [
        image("A", ["alpha-1", "beta-1", "gamma-1"], pushed=10),
        image("B", ["alpha-2", "beta-2"], pushed=9),
        image("C", ["alpha-3", "beta-3", "gamma-2"], pushed=8),
    ]
    assert taken(policy, images) == "AB"


def test_filtering_on_all_images_a() -> None:
    policy = LifecyclePolicy.from_json(document((ANY | newest(1), EXPIRE)))
    images = [
        image("A", ["alpha-1"], pushed=4),
        image("B", ["beta-1"], pushed=3),
        image("C", pushed=2),
        image("D", ["alpha-2"], pushed=1),
    ]
    assert taken(policy, images) == "ABC"


def test_filtering_on_all_images_b() -> None:
    rules = (
        (tagged("alpha*") | newest(1), EXPIRE),
        (UNTAGGED | pushed(1), EXPIRE),
        (ANY | newest(1), EXPIRE),
    )
    an_hour_less = 23 / 24
    images = [
        image("A", ["alpha-1", "beta-1"], pushed=4),
        image("B", pushed=3),
        image("C", ["alpha-2"], pushed=2),
        image("D", ["git hash"], pushed=1),
        image("E", pushed=an_hour_less),
    ]
    assert taken(LifecyclePolicy.from_json(document(*rules)), images) == "ABD"


def test_archiving_images_older_than_a_number_of_days() -> None:
    policy = LifecyclePolicy.from_json(document((tagged("prod*") | pushed(30), ARCHIVE)))
    images = [image("A", ["prod-1"], pushed=31), image("B", ["prod-2"], pushed=29)]
    assert taken(policy, images) == "A"


def test_combining_archive_and_expire_rules() -> None:
    rules = (ANY | pushed(30), ARCHIVE), (ANY | transitioned(365), EXPIRE)
    images = [
        image("A", pushed=31),
        image("B", pushed=29),
        archived("C", days=366),
        archived("D", days=364),
    ]
    assert taken(LifecyclePolicy.from_json(document(*rules)), images) == "AC"


@pytest.mark.parametrize("pattern", ["*test*1*2*3", "test*1*2*3*"])
def test_four_wildcards_are_accepted(pattern: str) -> None:
    policy = LifecyclePolicy.from_json(document((tagged(pattern) | newest(1), EXPIRE)))
    assert policy.rules[0].selection.tag_patterns == (pattern,)

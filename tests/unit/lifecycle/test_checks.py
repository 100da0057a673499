"""Documents that ECR would reject, a constraint at a time."""

import json
import pickle
from collections.abc import Callable
from typing import Any, get_args

import pytest

from ecr_async.errors import ECRError
from ecr_async.lifecycle import (
    Action,
    CountType,
    LifecyclePolicy,
    LifecyclePolicyError,
    Problem,
    Rule,
    Selection,
)

Json = dict[str, Any]


def a_rule() -> Json:
    return {
        "rulePriority": 10,
        "selection": {
            "tagStatus": "tagged",
            "tagPrefixList": ["prod"],
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 14,
        },
        "action": {"type": "expire"},
    }


def archive_rule() -> Json:
    rule = a_rule()
    rule["selection"] |= {"countType": "sinceImageTransitioned", "storageClass": "archive", "countNumber": 90}
    return rule


def problems(text: str) -> list[str]:
    with pytest.raises(LifecyclePolicyError) as caught:
        LifecyclePolicy.from_json(text)
    return str(caught.value).splitlines()


def problems_of(*rules: Json) -> list[str]:
    return problems(json.dumps({"rules": rules}))


def selecting(**members: Any) -> Json:
    """Return a rule with some members of its selection replaced, or removed where the value is `...`."""
    rule = a_rule()
    merged = rule["selection"] | members
    rule["selection"] = {name: value for name, value in merged.items() if value is not ...}
    return rule


def acting(**members: Any) -> Json:
    return a_rule() | {"action": members}


def test_each_storage_class_can_have_rules_with_the_same_prefixes() -> None:
    second = archive_rule() | {"rulePriority": 11}
    assert len(LifecyclePolicy.from_json(json.dumps({"rules": [a_rule(), second]})).rules) == 2


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (a_rule() | {"rulePriority": 0}, "rulePriority: must be 1 to 2,147,483,647"),
        (a_rule() | {"rulePriority": 2**31}, "rulePriority: must be 1 to 2,147,483,647"),
        (
            selecting(tagStatus="none"),
            "selection.tagStatus: must be tagged or untagged or any, not 'none'",
        ),
        (
            selecting(tagPrefixList=...),
            "selection.tagPatternList: it or tagPrefixList is required with tagged",
        ),
        (selecting(tagPatternList=["prod*"]), "selection.tagPrefixList: not together with tagPatternList"),
        (selecting(tagStatus="untagged"), "selection.tagPrefixList: not with untagged"),
        (selecting(tagStatus="any"), "selection.tagPrefixList: not with any"),
        (
            selecting(tagStatus="any", tagPrefixList=..., tagPatternList=["v*"]),
            "selection.tagPatternList: not with any",
        ),
        (selecting(tagPrefixList=["prod", ""]), "selection.tagPrefixList[1]: must not be empty"),
        (
            selecting(tagPrefixList=..., tagPatternList=["v*", "test*1*2*3*4*5*6"]),
            "selection.tagPatternList[1]: at most 4 wildcards",
        ),
        (
            selecting(storageClass="glacier"),
            "selection.storageClass: must be standard with sinceImagePushed",
        ),
        (
            selecting(storageClass="archive"),
            "selection.storageClass: must be standard with sinceImagePushed",
        ),
        (
            selecting(countType="imageCountMoreThan", countUnit=..., storageClass="archive"),
            "selection.storageClass: must be standard with imageCountMoreThan",
        ),
        (
            selecting(countType="sinceImageTransitioned", countNumber=90),
            "selection.storageClass: must be archive with sinceImageTransitioned",
        ),
        (
            selecting(countType="sinceImageBorn"),
            f"selection.countType: must be {' or '.join(get_args(CountType))}, not 'sinceImageBorn'",
        ),
        (selecting(countUnit=...), "selection.countUnit: required with sinceImagePushed"),
        (selecting(countUnit="hours"), "selection.countUnit: must be days, not 'hours'"),
        (
            selecting(countType="imageCountMoreThan"),
            "selection.countUnit: not with imageCountMoreThan",
        ),
        (
            selecting(countNumber=0),
            "selection.countNumber: must be 1 to 2,147,483,647 with sinceImagePushed",
        ),
        (
            selecting(countNumber=2**31),
            "selection.countNumber: must be 1 to 2,147,483,647 with sinceImagePushed",
        ),
        (
            selecting(countType="sinceImageTransitioned", storageClass="archive", countNumber=89),
            "selection.countNumber: must be 90 to 2,147,483,647 with sinceImageTransitioned",
        ),
        (acting(type="delete"), "action.type: must be expire or transition, not 'delete'"),
        (acting(type="transition"), "action.targetStorageClass: required with transition"),
        (
            acting(type="transition", targetStorageClass="standard"),
            "action.targetStorageClass: must be archive, not 'standard'",
        ),
        (
            acting(type="expire", targetStorageClass="archive"),
            "action.targetStorageClass: only with transition",
        ),
        (
            selecting(countType="sinceImagePulled"),
            "action.type: must be transition with sinceImagePulled",
        ),
        (
            archive_rule() | {"action": {"type": "transition", "targetStorageClass": "archive"}},
            "action.type: must be expire with sinceImageTransitioned",
        ),
    ],
)
def test_a_rule_that_breaks_one_constraint(rule: Json, problem: str) -> None:
    assert problems_of(rule) == [f"rule 1 (priority {rule['rulePriority']}): {problem}"]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ([], "rule 1: rule: must be an object"),
        (a_rule() | {"rulePriority": "10"}, "rule 1: rulePriority: must be an integer"),
        (a_rule() | {"rulePriority": True}, "rule 1: rulePriority: must be an integer"),
        (a_rule() | {"rulePriority": 1.0}, "rule 1: rulePriority: must be an integer"),
        (a_rule() | {"description": None}, "rule 1 (priority 10): description: must be a string"),
        (a_rule() | {"selection": []}, "rule 1 (priority 10): selection: must be an object"),
        (a_rule() | {"enabled": True}, "rule 1 (priority 10): enabled: no such member"),
        (selecting(tags=["v1"]), "rule 1 (priority 10): selection.tags: no such member"),
        (selecting(tagStatus=...), "rule 1 (priority 10): selection.tagStatus: required"),
        (selecting(countType=...), "rule 1 (priority 10): selection.countType: required"),
        (selecting(countNumber=...), "rule 1 (priority 10): selection.countNumber: required"),
        (
            selecting(tagPrefixList=[]),
            "rule 1 (priority 10): selection.tagPrefixList: must be a list of one or more strings",
        ),
        (
            selecting(tagPrefixList="prod"),
            "rule 1 (priority 10): selection.tagPrefixList: must be a list of one or more strings",
        ),
        (
            selecting(tagPrefixList=[1]),
            "rule 1 (priority 10): selection.tagPrefixList: must be a list of one or more strings",
        ),
        (selecting(countUnit=None), "rule 1 (priority 10): selection.countUnit: must be a string"),
        (acting(), "rule 1 (priority 10): action.type: required"),
        (
            acting(type="expire", targetStorageClass=None),
            "rule 1 (priority 10): action.targetStorageClass: must be a string",
        ),
    ],
)
def test_a_rule_that_is_not_of_the_documents_form(rule: Any, problem: str) -> None:
    assert problems(json.dumps({"rules": [rule]}, indent=8) + " " * 100) == [problem]


@pytest.mark.parametrize("member", ["rulePriority", "selection", "action"])
def test_a_rule_that_lacks_a_member(member: str) -> None:
    rule = a_rule()
    del rule[member]
    [problem] = problems(json.dumps({"rules": [rule]}, indent=8) + " " * 100)
    assert problem.endswith(f": {member}: required")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "document: must be JSON: "),
        ("[]", "document: must be an object"),
        ("{}", "rules: must be a list"),
        ('{"rules": {}}', "rules: must be a list"),
    ],
)
def test_a_document_without_rules(text: str, problem: str) -> None:
    [found] = problems(text)
    assert found.startswith(problem)


def test_an_unknown_member_of_the_document() -> None:
    assert problems(json.dumps({"version": 1, "rules": [a_rule()]})) == ["version: no such member"]


def test_a_document_that_is_too_short() -> None:
    assert problems('{"rules": []}') == [
        "document: must have 100 to 30,720 characters, not 13",
        "rules: must be 1 to 50 rules, not 0",
    ]


def test_a_document_that_is_too_long() -> None:
    text = json.dumps({"rules": [a_rule()]})
    assert problems(text + " " * (30_721 - len(text))) == [
        "document: must have 100 to 30,720 characters, not 30,721"
    ]
    assert LifecyclePolicy.from_json(text + " " * (30_720 - len(text))) == LifecyclePolicy.from_json(text)


def test_no_rules_at_all() -> None:
    assert problems('{"rules": []}'.ljust(100)) == ["rules: must be 1 to 50 rules, not 0"]


def test_more_rules_than_fifty() -> None:
    rules = [selecting(tagPrefixList=[f"v{n}."]) | {"rulePriority": n} for n in range(1, 52)]
    assert problems_of(*rules) == ["rules: must be 1 to 50 rules, not 51"]
    assert len(LifecyclePolicy.from_json(json.dumps({"rules": rules[:50]})).rules) == 50


def test_a_priority_that_two_rules_have() -> None:
    assert problems_of(a_rule(), selecting(tagPrefixList=["v"])) == [
        "rule 2 (priority 10): rulePriority: must be unique; rule 1 has it too"
    ]


def any_rule(priority: int) -> Json:
    return selecting(tagStatus="any", tagPrefixList=...) | {"rulePriority": priority}


def test_any_must_come_last() -> None:
    assert problems_of(a_rule(), any_rule(9)) == [
        "rule 2 (priority 9): rulePriority: must be the highest of the rules on standard images, with any"
    ]


def test_only_one_rule_can_be_for_any() -> None:
    assert problems_of(any_rule(11), any_rule(12)) == [
        "rule 1 (priority 11): rulePriority: must be the highest of the rules on standard images, with any"
    ]


def test_any_is_last_among_the_rules_of_its_storage_class() -> None:
    later = archive_rule() | {"rulePriority": 12}
    assert len(LifecyclePolicy.from_json(json.dumps({"rules": [any_rule(11), later]})).rules) == 2


def untagged_rule(priority: int) -> Json:
    return selecting(tagStatus="untagged", tagPrefixList=...) | {"rulePriority": priority}


def test_only_one_rule_can_be_for_untagged_images() -> None:
    assert problems_of(untagged_rule(1), untagged_rule(2)) == [
        "rule 2 (priority 2): selection.tagStatus: rule 1 selects untagged standard images already"
    ]


def test_each_storage_class_can_have_a_rule_for_untagged_images() -> None:
    policy = LifecyclePolicy(
        [
            Rule.expire(1, "untagged", days_since_pushed=1),
            Rule.expire(2, "untagged", days_since_archived=90),
        ]
    )
    policy.check()


def test_prefixes_that_two_rules_have() -> None:
    first = selecting(tagPrefixList=["v", "w"])
    second = selecting(tagPrefixList=["w", "v"]) | {"rulePriority": 11}
    assert problems_of(first, second) == [
        "rule 2 (priority 11): selection.tagPrefixList: must be unique; rule 1 has the same"
    ]


def test_every_problem_is_reported_in_the_documents_order() -> None:
    unreadable = a_rule() | {"selection": None}
    wrong = selecting(countUnit=...) | {"action": {"type": "delete"}, "rulePriority": 20}
    assert problems_of(wrong, unreadable) == [
        "rule 1 (priority 20): selection.countUnit: required with sinceImagePushed",
        "rule 1 (priority 20): action.type: must be expire or transition, not 'delete'",
        "rule 2 (priority 10): selection: must be an object",
    ]


def test_the_error_carries_the_problems() -> None:
    error = LifecyclePolicyError([Problem("action.type", "required", 2, 10)])
    assert isinstance(error, ECRError)
    assert isinstance(error, ValueError)
    assert error.problems[0].priority == 10
    assert str(error) == "rule 2 (priority 10): action.type: required"


def test_the_error_does_not_grow_without_end() -> None:
    with pytest.raises(LifecyclePolicyError) as caught:
        LifecyclePolicy.from_json('{"rules": [%s 1]}' % ("1, " * 10_000))
    assert len(caught.value.problems) == 200
    assert str(caught.value).endswith("\nrule 199: rule: must be an object\nand 9,802 more")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.omitted) == (str(caught.value), 9802)


WRONG = LifecyclePolicy([Rule.expire(1, [], keep_newest=0)])


@pytest.mark.parametrize("use", [LifecyclePolicy.check, LifecyclePolicy.to_json])
def test_a_policy_written_in_python_is_checked_when_it_is_used(
    use: Callable[[LifecyclePolicy], object],
) -> None:
    with pytest.raises(LifecyclePolicyError) as caught:
        use(WRONG)
    assert [problem.path for problem in caught.value.problems] == [
        "selection.tagPatternList",
        "selection.countNumber",
    ]


def test_a_policy_whose_document_would_be_too_long() -> None:
    policy = LifecyclePolicy([Rule.expire(1, "any", keep_newest=1, description="x" * 30_720)])
    with pytest.raises(
        LifecyclePolicyError, match=r"^document: must have 100 to 30,720 characters, not 30,8\d\d$"
    ):
        policy.check()


def test_a_rule_has_exactly_one_condition() -> None:
    with pytest.raises(TypeError, match="exactly one condition, not 0"):
        Rule.expire(1, "any")
    with pytest.raises(TypeError, match="exactly one condition, not 2"):
        Rule.archive(1, "any", keep_newest=1, days_since_pulled=1)


def test_tags_are_a_list() -> None:
    with pytest.raises(TypeError, match="must be a list of strings, not the string 'prod'"):
        Selection(
            tag_status="tagged",
            tag_prefixes="prod",
            count_type="imageCountMoreThan",
            count_number=1,
        )


def test_the_short_forms_are_the_long_ones() -> None:
    assert Rule.expire(1, ["v*"], keep_newest=10) == Rule(
        1,
        Selection(tag_status="tagged", tag_patterns=["v*"], count_type="imageCountMoreThan", count_number=10),
        Action("expire"),
    )
    assert Rule.archive(2, "untagged", days_since_pushed=30, description="save") == Rule(
        2,
        Selection(tag_status="untagged", count_type="sinceImagePushed", count_unit="days", count_number=30),
        Action("transition", "archive"),
        "save",
    )
    assert Rule.expire(3, "any", days_since_archived=90).selection == Selection(
        tag_status="any",
        storage_class="archive",
        count_type="sinceImageTransitioned",
        count_unit="days",
        count_number=90,
    )


def test_a_document_is_written_as_ecr_writes_it() -> None:
    policy = LifecyclePolicy([Rule.archive(1, ["v*", "w*"], days_since_pulled=90, description="cold")])
    assert json.loads(policy.to_json()) == {
        "rules": [
            {
                "rulePriority": 1,
                "description": "cold",
                "selection": {
                    "tagStatus": "tagged",
                    "tagPatternList": ["v*", "w*"],
                    "countType": "sinceImagePulled",
                    "countUnit": "days",
                    "countNumber": 90,
                },
                "action": {"type": "transition", "targetStorageClass": "archive"},
            }
        ]
    }

"""Resource policies: whether one is well formed, whom it lets in, whom it locks out.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ecr_async.local.json_values import as_list, as_object, parse

__all__ = ["check_policy", "locks_out", "permits", "reformatted"]

VERSIONS = (None, "2008-10-17", "2012-10-17")
SETTING = ("ecr:setrepositorypolicy", "ecr:deleterepositorypolicy")


def check_policy(text: str) -> str | None:
    """Return what is wrong with a policy's text, if anything."""
    try:
        policy = parse(text)
    except ValueError:
        return "Invalid JSON syntax"
    if policy is None:
        return "must be an object"
    if policy.get("Version") not in VERSIONS:
        return "Version must be 2008-10-17 or 2012-10-17"
    if not policy.get("Statement"):
        return "must have a Statement"
    for index, statement in enumerate(as_list(policy["Statement"])):
        fault = _fault(as_object(statement))
        if fault:
            return f"Statement[{index}] {fault}"
    return None


def reformatted(text: str) -> str:
    """Return a policy as ECR gives it back: indented by two, with ` : ` behind names."""
    return json.dumps(json.loads(text), indent=2, separators=(",", " : "), ensure_ascii=False)


def permits(text: str | None, account: str, action: str) -> bool:
    """Return whether a policy lets another account do something. Conditions are not looked at."""
    return (
        text is not None
        and _matches(text, "Allow", account, action)
        and not _matches(text, "Deny", account, action)
    )


def locks_out(text: str, account: str) -> bool:
    """Return whether a policy keeps its own account from ever setting another one."""
    return any(_matches(text, "Deny", account, action) for action in SETTING)


def _fault(statement: Mapping[str, Any] | None) -> str | None:
    if statement is None:
        return "must be an object"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "must have an Effect, Allow or Deny"
    for either, other in (("Principal", "NotPrincipal"), ("Action", "NotAction")):
        if bool(statement.get(either)) == bool(statement.get(other)):
            return f"must have {either} or {other}"
    for action in as_list(statement.get("Action") or statement["NotAction"]):
        if not isinstance(action, str) or not (action == "*" or action.lower().startswith("ecr:")):
            return "must have actions of ecr"
    return None


def _matches(text: str, effect: str, account: str, action: str) -> bool:
    return any(
        statement["Effect"] == effect
        and any(
            fnmatchcase(action.lower(), str(pattern).lower())
            for pattern in as_list(statement.get("Action", []))
        )
        and any(_is_account(principal, account) for principal in _principals(statement.get("Principal")))
        for statement in as_list((parse(text) or {})["Statement"])
    )


def _principals(principal: Any) -> Iterator[str]:
    named = as_object(principal)
    if named is not None:
        yield from map(str, as_list(named.get("AWS", [])))
    elif principal:
        yield str(principal)


def _is_account(principal: str, account: str) -> bool:
    return principal in ("*", account) or f"::{account}:" in principal

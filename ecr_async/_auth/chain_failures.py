"""Describes failures of botocore's credential chain: which source failed, why, and what to do.

An error may repeat a process's output or a service's response, and those may hold a secret. So texts are
made here, from an error's kind; botocore's own are repeated only where they consist of names, paths and
hosts, and never beyond their first line.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

import attrs

from ecr_async._config.file_faults import describe_fault
from ecr_async._config.shared_files import first_line
from ecr_async.errors import CredentialsError

__all__ = ["Failure", "nothing_found", "rejection"]

_SOURCES = {
    "env": "the environment (AWS_ACCESS_KEY_ID, …)",
    "assume-role": "the role of profile {profile!r}",
    "assume-role-with-web-identity": "the web identity (AWS_WEB_IDENTITY_TOKEN_FILE, or profile {profile!r})",
    "sso": "IAM Identity Center (SSO), profile {profile!r}",
    "login": "the login session of profile {profile!r}",
    "shared-credentials-file": "profile {profile!r} of the credentials file",
    "config-file": "profile {profile!r} of the config file",
    "custom-process": "the credential_process of profile {profile!r}",
    "container-role": "the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI)",
    "iam-role": "the instance metadata service",
}
"""botocore's name of a provider, and ours."""

_LOG_IN = {"sso": "run `aws sso login{option}`", "login": "run `aws login{option}`"}

_REJECTIONS = {
    "AccessDenied": "check the role's trust policy, and that the caller may call sts:AssumeRole",
    "ExpiredToken": "the credentials that the call was signed with have expired: renew them",
    "ExpiredTokenException": "the token has expired: renew it",
    "ForbiddenException": "check that you are assigned the account and the role",
    "IDPCommunicationError": "try again",
    "InvalidClientTokenId": "check the access key, and whether it is active",
    "InvalidIdentityToken": "check the role's trust policy and the token's issuer",
    "RegionDisabledException": "have an administrator activate STS in the region",
    "SignatureDoesNotMatch": "check the secret access key, and this machine's clock",
    "UnrecognizedClientException": "check the access key, and whether the region is enabled",
}
"""What to do about a service's rejection, by its code."""

_PARAMETERS = {
    "DurationSeconds": "duration_seconds",
    "ExternalId": "external_id",
    "RoleArn": "role_arn",
    "RoleSessionName": "role_session_name",
    "SerialNumber": "mfa_serial",
}

_TELLING = frozenset(
    {
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "InvalidRegionError",
        "MissingDependencyException",
        "NoRegionError",
        "PartialCredentialsError",
        "ProfileNotFound",
    }
)
"""Errors of botocore's whose text is made of names and paths alone."""

_UNREACHABLE = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "ProxyConnectionError",
        "ReadTimeoutError",
    }
)


@attrs.frozen(repr=False, eq=False)
class Failure:
    """One provider's failure. `method` is botocore's name of it, empty if it was none's."""

    method: str
    profile: str
    error: Exception

    def text(self, session: Any) -> str:
        """Return the sentence about it."""
        reason = self.reason(session)
        if not self.method or self.method not in _SOURCES:
            return f"the AWS credentials could not be resolved: {reason}"
        source = _SOURCES[self.method].format(profile=self.profile)
        return f"the AWS credentials could not be resolved from {source}: {reason}"

    def reason(self, session: Any = None) -> str:
        """Return what is wrong, and what to do."""
        error, name = self.error, type(self.error).__name__
        response: dict[str, Any] | None = getattr(error, "response", None)
        details: dict[str, Any] = getattr(error, "kwargs", {})
        if isinstance(error, CredentialsError):
            return str(error)
        if name == "ConfigParseError":
            return describe_fault(str(details.get("path")))
        if name == "ParamValidationError":
            return _invalid_parameter(error)
        if name in _UNREACHABLE:
            return f"no connection: {first_line(error)}"
        if name == "SSLError":
            return "the certificate is not trusted; see ca_bundle, AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE"
        if response is not None and self.method != "login":
            return rejection(getattr(error, "operation_name", "a call"), response)
        if name in _TELLING:
            return first_line(error)
        if self.method in _LOG_IN:
            option = "" if self.profile == "default" else f" --profile {shlex.quote(self.profile)}"
            return "there is no valid session in its cache; " + _LOG_IN[self.method].format(option=option)
        if isinstance(error, TypeError) and "offset-naive" in str(error):
            return "its Expiration has no time zone; in UTC it is written like 2026-01-01T00:00:00Z"
        if isinstance(error, OSError) and error.filename:
            return f"{first_line(error.filename)}: {error.strerror}"
        return self._by_method(session, name, str(details.get("error_msg", "")))

    def _by_method(self, session: Any, name: str, message: str) -> str:
        if self.method == "custom-process":
            return f"{_program(session, self.profile)} {_process_failure(name, message)}"
        if self.method == "container-role":
            return _container_failure(name, message or str(self.error))
        if self.method == "env" and isinstance(self.error, ValueError):
            return "AWS_CREDENTIAL_EXPIRATION is not a time"
        return f"botocore raised {name}, whose text may hold a secret and is withheld"


def rejection(operation: str, response: dict[str, Any]) -> str:
    """Return what a service's rejection says, and what to do.

    Its code, and who may not do what. Other messages repeat parts of the request.
    """
    error: dict[str, str] = response.get("Error", {})
    code = error.get("Code", "an unknown error")
    message = f": {first_line(error.get('Message', ''))}" if code.startswith("AccessDenied") else ""
    if "DurationSeconds" in error.get("Message", ""):
        return (
            f"{operation} was rejected with {code}; the duration is longer than the role's maximum session "
            "duration, which is one hour where one role assumes another"
        )
    advice = next((words for known, words in _REJECTIONS.items() if code.startswith(known)), None)
    return f"{operation} was rejected with {code}{message}" + (f"; {advice}" if advice else "")


def _invalid_parameter(error: Exception) -> str:
    found = re.search(r"parameter (\w+)", str(error))
    name = found and _PARAMETERS.get(found[1])
    return f"{name or 'a parameter'} is not a valid one"


def _program(session: Any, profile: str) -> str:
    command = session.full_config.get("profiles", {}).get(profile, {}).get("credential_process", "")
    try:
        return repr(os.path.basename(shlex.split(command)[0]))
    except (IndexError, ValueError):
        return "the command"


def _process_failure(name: str, message: str) -> str:
    missing = re.search(r"Missing required key in response: '(\w+)'", message)
    if missing:
        return f"printed no {missing[1]}"
    if "Unsupported version" in message:
        return "printed a Version other than 1"
    if name in ("JSONDecodeError", "UnicodeDecodeError", "AttributeError", "TypeError"):
        return "printed something that is not a JSON object"
    if name in ("ParserError", "ValueError"):
        return "printed an Expiration that is not a time"
    return "failed; its output is withheld, as it may hold a secret: run it by hand to see why"


def _container_failure(name: str, message: str) -> str:
    status = re.search(r"non 200 response (\d{3})", message)
    if status:
        return f"it responded with HTTP {status[1]}; check AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE)"
    host = re.search(r"Unsupported host '([\w.:-]*)'", message)
    if host:
        return (
            f"it may not be at host {host[1]!r}: over HTTP, only loopback and the addresses of ECS and EKS"
            " are allowed"
        )
    if "not a legal header value" in message:
        return "AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE) holds a line end"
    if "attempting to retrieve" in message:
        return "no connection"
    if name == "KeyError":
        return f"its response lacks {message}"
    return "its response is not a JSON object with credentials"


def nothing_found(profile: str | None, session: Any) -> str:
    """Return the sentence that lists the places that were searched in vain."""
    name = profile or session.get_config_variable("profile") or "default"
    environment = "" if profile else "the environment (AWS_ACCESS_KEY_ID), "
    disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    metadata = "the instance metadata service" + " (which AWS_EC2_METADATA_DISABLED forbids)" * disabled
    return (
        f"no AWS credentials: there are none in {environment}profile {name!r} of "
        f"{session.get_config_variable('credentials_file')} and {session.get_config_variable('config_file')}, "
        "the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI) "
        f"or {metadata}"
    )

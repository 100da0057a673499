"""Resolves a session's settings: arguments, then the environment, then the shared config file.

That is the order which the AWS SDKs document, under the names that they document, so that a program
behaves as its neighbours do. Arguments and the environment are read here; the shared files are read by
botocore, which is imported for it only where such a file exists or a profile is requested.

The environment never breaks an explicit setting: a value that isn't needed is not read, and an unusable one
that nothing depends on is skipped with a warning.

A setting is one field of `Config`, which says where it is looked for, and one argument of `Session`.

See https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from ecr_async._config.endpoints import check_region, check_url
from ecr_async._config.paths import expand
from ecr_async._config.shared_files import first_line, read_shared_files
from ecr_async._record import Record
from ecr_async._secret import Secret
from ecr_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Config", "RetryMode", "load", "needs_files", "profile_fault"]

_logger = logging.getLogger("ecr_async")

RetryMode: TypeAlias = Literal["standard", "adaptive"]

_RETRY_MODES: dict[str, RetryMode] = {"legacy": "standard", "standard": "standard", "adaptive": "adaptive"}


def _boolean(value: bool | str) -> bool:
    words = {"true": True, "false": False}
    if (word := str(value).lower()) not in words:
        raise ValueError("is neither true nor false")
    return words[word]


def _attempts(value: int | str) -> int:
    if not str(value).isdecimal() or int(value) < 1:
        raise ValueError("is not a whole number of attempts, at least 1")
    return int(value)


def _retry_mode(value: str) -> RetryMode:
    if (mode := str(value).lower()) not in _RETRY_MODES:
        raise ValueError("is neither standard nor adaptive")
    return _RETRY_MODES[mode]


def _existing_path(value: str) -> str:
    path = os.path.expanduser(value)
    if not os.path.exists(path):
        raise ValueError("does not exist")
    return path


class _Setting(Record):
    """Where a setting is looked for after the argument, and how its value is converted.

    The environment's `variables`, the shared config file's `key`, and at last other programs' `fallbacks`.
    """

    convert: Callable[[Any], Any]
    key: str
    variables: tuple[str, ...]
    fallbacks: tuple[str, ...] = ()


def _setting(
    default: object, convert: Callable[[Any], Any], key: str, *variables: str, fallbacks: tuple[str, ...] = ()
) -> Any:
    return attrs.field(default=default, metadata={_Setting: _Setting(convert, key, variables, fallbacks)})


@attrs.frozen
class Config:
    """A session's settings, resolved. None means that nobody has set it.

    `profile` is the profile in effect, `region` the default region, `endpoint_url` where ECR is to be
    found instead of at the region's own endpoint. `max_attempts` counts the first attempt too.
    `ca_bundle` is the path of certificates in PEM, `app_id` goes into the User-Agent header.
    `config_file` is the shared config file's path, whether or not there is one. Without `trust_env`
    nothing was taken from the environment and the files. `explicit` names what was given as an argument.
    """

    profile: str = "default"
    region: str | None = _setting(None, check_region, "region", "AWS_REGION", "AWS_DEFAULT_REGION")
    endpoint_url: str | None = None
    use_fips: bool = _setting(False, _boolean, "use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT")
    use_dualstack: bool = _setting(False, _boolean, "use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT")
    ca_bundle: str | None = _setting(
        None, _existing_path, "ca_bundle", "AWS_CA_BUNDLE", fallbacks=("REQUESTS_CA_BUNDLE",)
    )
    retry_mode: RetryMode = _setting("standard", _retry_mode, "retry_mode", "AWS_RETRY_MODE")  # noqa: RUF009
    max_attempts: int | None = _setting(None, _attempts, "max_attempts", "AWS_MAX_ATTEMPTS")
    app_id: str | None = _setting(None, str, "sdk_ua_app_id", "AWS_SDK_UA_APP_ID")
    config_file: str = "~/.aws/config"
    trust_env: bool = True
    explicit: frozenset[str] = attrs.field(default=frozenset(), eq=False, repr=False)

    def require_region(self) -> str:
        """Return the region, or raise a `ConfigurationError` that says where we looked for one."""
        if self.region is None:
            raise ConfigurationError(
                "no AWS region: none was given as an argument, in AWS_REGION or AWS_DEFAULT_REGION, "
                f"or in profile {self.profile!r} of {self.config_file}"
            )
        return self.region


def needs_files(profile: str | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `load` will import botocore and read files, and so belongs off the event loop."""
    return _requested_profile(profile, environ) is not None or any(
        os.path.isfile(expand(path)) for path in (_config_file(environ), _credentials_file(environ))
    )


def load(
    *,
    profile: str | None = None,
    environ: Mapping[str, str] = os.environ,
    trust_env: bool = True,
    has_credentials: bool = False,
    **arguments: Any,
) -> Config:
    """Resolve every setting. An argument that is None is looked for in the environment and the files.

    `arguments` are the fields of `Config` that can be set: `region`, `endpoint_url`, `use_fips`, …. The
    region's variables are `AWS_REGION`, which the SDKs document, and then `AWS_DEFAULT_REGION`, which boto3
    reads. The retry mode `legacy` means `standard`: there is one implementation of it here. A variable
    that is set to nothing counts as not set.

    With explicit credentials (`has_credentials`) and a region, a profile and files are not needed; with an
    `endpoint_url` besides, nothing is. What is broken there and not needed is ignored with a warning.

    Raises `ConfigurationError` for a profile that doesn't exist, a file that can't be parsed, and an
    invalid value; it names the argument, variable or setting that holds it.
    """
    # Hidden, so that a traceback that shows local variables doesn't show secrets.
    environ = {name: Secret(value) for name, value in environ.items()} if trust_env else {}
    explicit = frozenset(name for name, value in arguments.items() if value is not None)
    needs_profile = profile is not None or not (has_credentials and "region" in explicit)
    is_complete = has_credentials and {"region", "endpoint_url"} <= explicit
    requested_profile = _requested_profile(profile, environ)
    files: Mapping[str, Any] = {}
    section: Mapping[str, Any] = {}
    if trust_env and needs_files(profile, environ):
        try:
            files = read_shared_files(_config_file(environ), _credentials_file(environ))
            section = _profile_section(files, requested_profile, environ)
        except ConfigurationError as fault:
            if needs_profile:
                raise
            _pass_over(fault)
    sources = _Sources(environ, section, lenient=is_complete)
    found = {
        field.name: sources.find(field.name, field.metadata[_Setting], arguments.pop(field.name, None))
        for field in attrs.fields(Config)
        if _Setting in field.metadata
    }
    endpoint_url = _endpoint_url(sources, files, arguments.pop("endpoint_url", None))
    if arguments:
        raise TypeError(f"no such setting: {', '.join(arguments)}")
    if "endpoint_url" in explicit:
        # The endpoint was chosen; a different kind requested by the environment doesn't count.
        for name in {"use_fips", "use_dualstack"} - explicit:
            found[name] = None
    return Config(
        profile=str(requested_profile or "default"),
        endpoint_url=endpoint_url,
        config_file=str(_config_file(environ)),
        trust_env=trust_env,
        explicit=explicit,
        **{name: value for name, value in found.items() if value is not None},
    )


def _pass_over(fault: ConfigurationError) -> None:
    _logger.warning("%s; ignored, as nothing depends on it", fault)


class _Sources(Record):
    """Where settings are looked for after the arguments: the environment and one profile's section.

    A `lenient` one skips invalid values.
    """

    environ: Mapping[str, str]
    profile: Mapping[str, Any]
    lenient: bool = False

    def find(self, argument: str, setting: _Setting, value: object = None) -> Any:
        """Return the first value there is, converted; None if there is none."""
        if value is not None:
            return _converted(argument, setting.convert, value)
        candidates: list[tuple[str, Any]] = [
            *((variable, self.environ.get(variable)) for variable in setting.variables),
            (f"{setting.key} in the shared config file", self.profile.get(setting.key)),
            *((variable, self.environ.get(variable)) for variable in setting.fallbacks),
        ]
        for source, candidate in candidates:
            if not candidate:
                continue
            try:
                return _converted(source, setting.convert, candidate)
            except ConfigurationError as fault:
                if not self.lenient:
                    raise
                _pass_over(fault)
        return None


def _converted(source: str, convert: Callable[[Any], Any], value: Any) -> Any:
    """Return what a value means. One that came from a file is repeated only if it can be no secret."""
    if isinstance(value, dict):
        raise ConfigurationError(f"{source}: has indented settings below it, and takes a value")
    if isinstance(value, str) and not value.isprintable():
        raise ConfigurationError(
            f"{source}: the value goes on after its first line; is the next line of the file indented?"
        )
    try:
        meaning = convert(value)
    except ValueError as wrong:
        shown = first_line(value)
        text = repr(value if isinstance(value, int) else shown) if _is_harmless(shown) else "the value"
        raise ConfigurationError(f"{source}: {text} {wrong}") from None
    return str(meaning) if isinstance(meaning, Secret) else meaning


def _is_harmless(text: str) -> bool:
    """Whether a value may be shown: it looks neither like a URL with a login nor like a key or a token."""
    return len(text) <= 100 and not re.search("[@=?]|[A-Za-z0-9/+]{30}", text)


_IGNORE_ENDPOINT_URLS = _Setting(
    _boolean, "ignore_configured_endpoint_urls", ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",)
)


def _endpoint_url(sources: _Sources, files: Mapping[str, Any], argument: str | None) -> str | None:
    """See https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"""
    if argument:
        return check_url(argument)
    if sources.find("ignore_configured_endpoint_urls", _IGNORE_ENDPOINT_URLS):
        return None
    environ, profile = sources.environ, sources.profile
    for source, url in (
        ("AWS_ENDPOINT_URL_ECR", environ.get("AWS_ENDPOINT_URL_ECR")),
        ("AWS_ENDPOINT_URL", environ.get("AWS_ENDPOINT_URL")),
        ("endpoint_url in the services section", _services_section(files, profile).get("endpoint_url")),
        ("endpoint_url in the shared config file", profile.get("endpoint_url")),
    ):
        if url:
            return check_url(url, source)
    return None


def _services_section(files: Mapping[str, Any], profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the profile's `services` section says of ECR."""
    name = profile.get("services")
    if name is None:
        return {}
    services = files.get("services", {})
    if isinstance(name, dict):
        raise ConfigurationError("services: has indented settings below it, and takes a section's name")
    if name not in services:
        raise ConfigurationError(
            f"services: the shared config file has no section [services {first_line(name)}]"
        )
    section: Mapping[str, Any] | str = services[name].get("ecr", {})
    if isinstance(section, str):
        raise ConfigurationError(f"services: ecr in section [services {name}] has no settings of its own")
    return section


def _requested_profile(profile: str | None, environ: Mapping[str, str]) -> str | None:
    # boto3 reads them in this order, and its credential chain, which we use, must see the same profile.
    names = (profile, environ.get("AWS_DEFAULT_PROFILE"), environ.get("AWS_PROFILE"))
    return next((name for name in names if name), None)


def _profile_section(
    files: Mapping[str, Any], requested_profile: str | None, environ: Mapping[str, str]
) -> Mapping[str, Any]:
    profiles: Mapping[str, Mapping[str, Any]] = files.get("profiles", {})
    if requested_profile is not None and requested_profile not in profiles:
        raise ConfigurationError(f"profile {_in_neither_file(requested_profile, environ)}")
    return profiles.get(requested_profile or "default", {})


def _in_neither_file(profile: str, environ: Mapping[str, str]) -> str:
    files = f"neither in {_config_file(environ)} nor in {_credentials_file(environ)}"
    return f"{first_line(profile)!r} is {files}"


def profile_fault(profile: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the sentence about a profile that doesn't exist; None for one that does.

    Raises `ConfigurationError` for a file that can't be read.
    """
    files = read_shared_files(_config_file(environ), _credentials_file(environ))
    return None if profile in files["profiles"] else _in_neither_file(profile, environ)


def _config_file(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_CONFIG_FILE") or "~/.aws/config"


def _credentials_file(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"

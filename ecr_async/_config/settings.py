"""What a session is configured with: arguments, then the environment, then the shared config file.

That is the order which the AWS SDKs document, under the names that they document, so that a program
behaves as its neighbours do. Arguments and the environment are read here; the shared files are read by
botocore, which is imported for it only where such a file exists or a profile is asked for.

See https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

import attrs

from ecr_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Config", "RetryMode", "load", "needs_files"]

RetryMode: TypeAlias = Literal["standard", "adaptive"]

_T = TypeVar("_T")


@attrs.frozen
class Config:
    """A session's settings, resolved. None means that nobody has set it.

    `profile` is the profile in effect, `region` the default region, `endpoint_url` where ECR is to be
    found instead of at the region's own endpoint. `max_attempts` counts the first attempt too.
    `ca_bundle` is the path of a file of certificates in PEM, `app_id` goes into the User-Agent header.
    `config_file` is the shared config file's path, whether or not there is one.
    """

    profile: str = "default"
    region: str | None = None
    endpoint_url: str | None = None
    use_fips: bool = False
    use_dualstack: bool = False
    ca_bundle: str | None = None
    retry_mode: RetryMode = "standard"
    max_attempts: int | None = None
    app_id: str | None = None
    config_file: str = "~/.aws/config"

    def require_region(self) -> str:
        """The region, or a `ConfigurationError` that says where we looked for one."""
        if self.region is None:
            raise ConfigurationError(
                "no AWS region: none was given as an argument, in AWS_REGION or AWS_DEFAULT_REGION, "
                f"or in profile {self.profile!r} of {self.config_file}"
            )
        return self.region


def needs_files(profile: str | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `load` will import botocore and read files, and so belongs off the event loop."""
    return _asked_profile(profile, environ) is not None or any(
        os.path.isfile(os.path.expanduser(os.path.expandvars(path)))
        for path in (_config_file(environ), _credentials_file(environ))
    )


def load(
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    use_fips: bool | None = None,
    use_dualstack: bool | None = None,
    max_attempts: int | None = None,
    retry_mode: str | None = None,
    app_id: str | None = None,
    ca_bundle: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Resolve every setting. An argument that is None is looked for in the environment and the files.

    The region's variables are `AWS_REGION`, which the SDKs document, and then `AWS_DEFAULT_REGION`,
    which boto3 reads. The retry mode `legacy` means `standard`: there is one implementation of it here.
    A variable that is set to nothing counts as not set.

    Raises `ConfigurationError` for a profile that doesn't exist, a file that can't be parsed, and a
    value that makes no sense; it names the argument, variable or setting that holds it.
    """
    asked_profile = _asked_profile(profile, environ)
    files: Mapping[str, Any] = _read_files(environ) if needs_files(profile, environ) else {}
    sources = _Sources(environ, _profile_section(files, asked_profile, environ))
    return Config(
        profile=asked_profile or "default",
        region=sources.find(_REGION, region),
        endpoint_url=endpoint_url or _configured_endpoint_url(sources, files),
        use_fips=sources.find(_USE_FIPS, use_fips) or False,
        use_dualstack=sources.find(_USE_DUALSTACK, use_dualstack) or False,
        ca_bundle=sources.find(_CA_BUNDLE, ca_bundle),
        retry_mode=sources.find(_RETRY_MODE, retry_mode) or "standard",
        max_attempts=sources.find(_MAX_ATTEMPTS, max_attempts),
        app_id=sources.find(_APP_ID, app_id),
        config_file=_config_file(environ),
    )


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
    modes: dict[str, RetryMode] = {"legacy": "standard", "standard": "standard", "adaptive": "adaptive"}
    if (mode := value.lower()) not in modes:
        raise ValueError("is neither standard nor adaptive")
    return modes[mode]


def _existing_path(value: str) -> str:
    path = os.path.expanduser(value)
    if not os.path.exists(path):
        raise ValueError("does not exist")
    return path


@attrs.frozen
class _Setting(Generic[_T]):
    """One setting's names: our argument, the environment's variables, the shared config file's key."""

    argument: str
    variables: tuple[str, ...]
    key: str
    convert: Callable[[Any], _T]


_REGION = _Setting("region", ("AWS_REGION", "AWS_DEFAULT_REGION"), "region", str)
_USE_FIPS = _Setting("use_fips", ("AWS_USE_FIPS_ENDPOINT",), "use_fips_endpoint", _boolean)
_USE_DUALSTACK = _Setting(
    "use_dualstack", ("AWS_USE_DUALSTACK_ENDPOINT",), "use_dualstack_endpoint", _boolean
)
_CA_BUNDLE = _Setting("ca_bundle", ("AWS_CA_BUNDLE",), "ca_bundle", _existing_path)
_RETRY_MODE = _Setting("retry_mode", ("AWS_RETRY_MODE",), "retry_mode", _retry_mode)
_MAX_ATTEMPTS = _Setting("max_attempts", ("AWS_MAX_ATTEMPTS",), "max_attempts", _attempts)
_IGNORE_ENDPOINT_URLS = _Setting(
    "ignore_configured_endpoint_urls",
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
    "ignore_configured_endpoint_urls",
    _boolean,
)
_APP_ID = _Setting("app_id", ("AWS_SDK_UA_APP_ID",), "sdk_ua_app_id", str)

# boto3 reads them in this order, and its credential chain, which we use, must see the same profile.
_PROFILE_VARIABLES = "AWS_DEFAULT_PROFILE", "AWS_PROFILE"


@attrs.frozen
class _Sources:
    """Where settings are looked for after the arguments: the environment and one profile's section."""

    environ: Mapping[str, str]
    profile: Mapping[str, Any]

    def find(self, setting: _Setting[_T], argument: object = None) -> _T | None:
        candidates = [
            (setting.argument, argument),
            *((variable, self.environ.get(variable) or None) for variable in setting.variables),
            (f"{setting.key} in the shared config file", self.profile.get(setting.key) or None),
        ]
        for source, value in candidates:
            if value is not None:
                try:
                    return setting.convert(value)
                except ValueError as wrong:
                    raise ConfigurationError(f"{source}: {value!r} {wrong}") from None
        return None


def _configured_endpoint_url(sources: _Sources, files: Mapping[str, Any]) -> str | None:
    """See https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"""
    if sources.find(_IGNORE_ENDPOINT_URLS):
        return None
    environ, profile = sources.environ, sources.profile
    return (
        environ.get("AWS_ENDPOINT_URL_ECR")
        or environ.get("AWS_ENDPOINT_URL")
        or _services_section(files, profile).get("endpoint_url")
        or profile.get("endpoint_url")
        or None
    )


def _services_section(files: Mapping[str, Any], profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the profile's `services` section says of ECR."""
    name = profile.get("services")
    if name is None:
        return {}
    services = files.get("services", {})
    if name not in services:
        raise ConfigurationError(f"services: the shared config file has no section [services {name}]")
    section: Mapping[str, Any] | str = services[name].get("ecr", {})
    if isinstance(section, str):
        raise ConfigurationError(f"services: ecr in section [services {name}] has no settings of its own")
    return section


def _asked_profile(profile: str | None, environ: Mapping[str, str]) -> str | None:
    names = (profile, *(environ.get(variable) for variable in _PROFILE_VARIABLES))
    return next((name for name in names if name), None)


def _profile_section(
    files: Mapping[str, Any], asked_profile: str | None, environ: Mapping[str, str]
) -> Mapping[str, Any]:
    profiles: Mapping[str, Mapping[str, Any]] = files.get("profiles", {})
    if asked_profile is not None and asked_profile not in profiles:
        raise ConfigurationError(
            f"profile {asked_profile!r} is neither in {_config_file(environ)} nor in {_credentials_file(environ)}"
        )
    return profiles.get(asked_profile or "default", {})


def _read_files(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Both shared files, a profile's settings joined; the credentials file's win, as in boto3."""
    configloader = import_module("botocore.configloader")
    files = _parse(configloader.load_config, _config_file(environ))
    profiles: dict[str, Mapping[str, Any]] = dict(files.get("profiles", {}))
    for name, section in _parse(configloader.raw_config_parse, _credentials_file(environ)).items():
        profiles[name] = {**profiles.get(name, {}), **section}
    return {**files, "profiles": profiles}


def _parse(parser: Callable[[str], Mapping[str, Any]], path: str) -> Mapping[str, Any]:
    exceptions = import_module("botocore.exceptions")
    try:
        return parser(path)
    except exceptions.ConfigNotFound:
        return {}
    except exceptions.ConfigParseError:
        # Falls through, so that nothing of this error is chained: it repeats the line that
        # couldn't be read, which may hold a secret.
        pass
    raise ConfigurationError(f"{path} cannot be parsed as an AWS configuration file")


def _config_file(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_CONFIG_FILE") or "~/.aws/config"


def _credentials_file(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"

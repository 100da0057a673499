"""The file in which docker, podman, skopeo and Kubernetes have their logins; only `save_login` does I/O.

See https://docs.docker.com/reference/cli/docker/login/ and containers-auth.json(5).
"""

import base64
import os
from pathlib import Path
from typing import Any

import msgspec

from ecr_async._files.replacing import replace_file
from ecr_async.errors import ConfigurationError
from ecr_async.transfer.login.registry_credentials import RegistryCredentials

__all__ = ["auth_file", "helper_instead", "kubernetes_secret", "save_login", "with_login"]


def auth_file() -> Path:
    """Return docker's file: in `$DOCKER_CONFIG`, or else in the home directory."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def with_login(document: bytes | None, login: RegistryCredentials) -> bytes:
    """Return a file's content with a login added; everything else in it stays.

    Raises `ConfigurationError` for content that is not such a file's.
    """
    try:
        config = msgspec.json.decode(
            document if document and document.strip() else b"{}", type=dict[str, Any]
        )
        logins = msgspec.convert(config.get("auths", {}), dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        # What is in the file is not repeated: it may be a password.
        message = "the auth file is not a JSON object with the logins in `auths`"
        raise ConfigurationError(message) from None
    changed = {**config, "auths": {**logins, login.host: {"auth": login.basic}}}
    return msgspec.json.format(msgspec.json.encode(changed), indent=2) + b"\n"


def helper_instead(document: bytes, host: str) -> str | None:
    """Return the credential helper that docker asks for a registry's login, without looking at `auths`.

    See https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    try:
        config = msgspec.json.decode(document, type=_Helpers)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return config.helpers.get(host, config.store) or None


class _Helpers(msgspec.Struct):
    helpers: dict[str, str] = msgspec.field(name="credHelpers", default_factory=dict[str, str])
    store: str | None = msgspec.field(name="credsStore", default=None)


def save_login(path: Path, login: RegistryCredentials) -> str | None:
    """Add a login to a file, which is made if need be, in one step and for nobody else to read. Blocks.

    Returns the credential helper that docker asks instead, if there is one. Raises `ConfigurationError` and
    `OSError`.
    """
    path = path.resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    content = with_login(path.read_bytes() if path.exists() else None, login)
    replace_file(path, content, is_private=True)
    return helper_instead(content, login.host)


def kubernetes_secret(login: RegistryCredentials, name: str, namespace: str | None = None) -> bytes:
    """Return a pull secret as `kubectl apply -f -` takes it.

    See https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
    """
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(with_login(None, login)).decode()},
    }
    return msgspec.json.encode(secret)

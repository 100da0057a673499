"""botocore's sessions, as the credentials that botocore finds and fetches need them."""

from importlib import import_module
from typing import Any

from ecr_async._config.botocore_data import data_loader

__all__ = ["new_botocore_session"]

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 15
"""Seconds for a service that credentials come from, STS for instance: to connect, and to respond."""


def new_botocore_session(
    profile: str | None, region: str | None, ca_bundle: str | None, *, trust_env: bool = True
) -> Any:
    """Return a botocore session that shares our copy of botocore's data, and whose calls are bounded.

    Without `trust_env` it reads no variable and no file of its own accord.
    """
    session = import_module("botocore.session").Session(profile=profile)
    if not trust_env:
        constant = import_module("botocore.configprovider").ConstantProvider
        settings = session.get_component("config_store")
        for name, (_, _, default, _) in session.session_var_map.items():
            settings.set_config_provider(name, constant(None if name.endswith("_file") else default))
    for name, value in (("region", region), ("ca_bundle", ca_bundle)):
        if value is not None:
            session.set_config_variable(name, value)
    session.register_component("data_loader", data_loader(session.get_config_variable("data_path")))
    timeouts = import_module("botocore.config").Config(
        connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
    )
    session.set_default_client_config(timeouts)
    return session

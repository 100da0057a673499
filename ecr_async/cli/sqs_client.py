"""An SQS client of botocore, which is installed anyway."""

import re
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import typer

from ecr_async.errors import ConfigurationError

__all__ = ["sqs_client"]

SOME_REGION = "us-east-1"
"""The region of queues outside AWS, where nothing else is configured."""

_AWS_HOST = re.compile(r"sqs\.([a-z0-9-]+)\.(amazonaws|api)\..+")


def sqs_client(
    queue: str, *, profile: str | None = None, region: str | None = None, endpoint_url: str | None = None
) -> Any:
    """Return a client for the queue with this URL, which also gives the region and the endpoint.

    Raises `ConfigurationError`, and `typer.BadParameter` for what is no URL.
    """
    url = urlsplit(queue)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise typer.BadParameter("the queue must be given by its URL", param_hint="--queue")
    of_aws = _AWS_HOST.fullmatch(url.hostname)
    if endpoint_url is None and not of_aws:
        endpoint_url = f"{url.scheme}://{url.netloc}"
    try:
        session = import_module("botocore.session").Session(profile=profile)
        region = region or (of_aws[1] if of_aws else session.get_config_variable("region") or SOME_REGION)
        return session.create_client("sqs", region_name=region, endpoint_url=endpoint_url)
    except (import_module("botocore.exceptions").BotoCoreError, ValueError) as error:
        raise ConfigurationError(str(error)) from None

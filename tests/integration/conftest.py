"""What integration tests share: another's servers of AWS's services."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """moto's server, which is an ECR and an STS among others; its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()

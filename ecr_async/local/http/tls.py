"""Certificates for clients that insist on TLS."""

import ssl
from pathlib import Path
from typing import Any

import attrs

from ecr_async._config.botocore_data import data_loader
from ecr_async._optional import extra
from ecr_async.errors import ConfigurationError

__all__ = ["Certificates", "make_certificates"]


@attrs.frozen
class Certificates:
    """What the server shows, and what clients have to trust for it."""

    chain: Path
    """The server's certificate, and whatever leads from it to the authority, in PEM."""
    key: Path
    """The private key of the server's certificate, in PEM; the same file may hold both."""
    authority: Path | None = None
    """The certificate of the authority that the server has made for itself."""

    def context(self) -> ssl.SSLContext:
        """Return the context to listen with; raises `ConfigurationError` if the files cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.chain, self.key)
        except OSError as error:
            raise ConfigurationError(
                f"the certificate {self.chain} and the key {self.key} cannot be used: {error}"
            ) from error
        return context


def make_certificates(folder: Path, host: str) -> Certificates:
    """Return the certificates in a folder, made now if there are none.

    They are good for `host`, for localhost, and for the names of all registries and of the API in all
    regions, under `localhost` as under AWS's own domains.
    """
    server, authority = folder / "server.pem", folder / "ca.pem"
    if not (server.exists() and authority.exists()):
        with extra("local", "trustme", "cryptography"):
            import trustme  # noqa: PLC0415 - an extra
        folder.mkdir(mode=0o700, exist_ok=True)
        maker = trustme.CA(organization_name="The embedded ECR of ecr-async")
        certificate = maker.issue_cert(*dict.fromkeys(("localhost", "127.0.0.1", "::1", host, *_names())))
        server.touch(mode=0o600)
        server.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
        authority.write_bytes(maker.cert_pem.bytes())
    return Certificates(server, server, authority)


def _names() -> list[str]:
    partitions: list[dict[str, Any]] = data_loader().load_data("partitions")["partitions"]
    return [
        name
        for partition in partitions
        for region in partition["regions"]
        if not region.endswith("-global")
        for name in (
            f"*.dkr.ecr.{region}.localhost",
            f"*.dkr-ecr.{region}.localhost",
            f"*.dkr-ecr.{region}.on.aws",
            f"*.dkr.ecr.{region}.{partition['outputs']['dnsSuffix']}",
            f"api.ecr.{region}.{partition['outputs']['dnsSuffix']}",
        )
    ]

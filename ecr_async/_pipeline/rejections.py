"""Codes of requests that were rejected because of their signature or credentials."""

__all__ = ["CREDENTIALS_ERRORS", "SIGNATURE_ERRORS"]

SIGNATURE_ERRORS = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""What the service may say when our clock is off, or when a request was in transit for long."""

CREDENTIALS_ERRORS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    }
)
"""What the service says of credentials that expired early, or were revoked."""

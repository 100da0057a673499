"""The texts of errors about a request's signature, and where they come from.

As in `ecr_async.local.rules.messages`, each function names the source of its wording:

- IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
- suite: what AWS's services say in public reports of `IncompleteSignatureException`; the same for all of them
- guessed: only the error's code is known
"""

from collections.abc import Iterable

from ecr_async.errors import ServiceError


def _incomplete(message: str) -> ServiceError:
    return ServiceError(message, code="IncompleteSignatureException")


def _invalid(message: str) -> ServiceError:
    return ServiceError(message, code="InvalidSignatureException")


def missing() -> ServiceError:
    """Nothing is signed. Source: suite."""
    return ServiceError("Missing Authentication Token", code="MissingAuthenticationTokenException")


def unknown_key() -> ServiceError:
    """Nobody has the access key. Source: suite."""
    return ServiceError(
        "The security token included in the request is invalid.", code="UnrecognizedClientException"
    )


def mismatch() -> ServiceError:
    """The signature is another. Source: IAM."""
    return _invalid(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )


def expired(timestamp: str, now: str) -> ServiceError:
    """It was made too long ago. Source: IAM."""
    return _invalid(f"Signature expired: {timestamp} is now earlier than {now} - 15 min.")


def not_yet_current(timestamp: str, now: str) -> ServiceError:
    """It was made in the future. Source: suite, as the counterpart of `expired`."""
    return _invalid(f"Signature not yet current: {timestamp} is still later than {now} + 15 min.")


def other_day(given: str, actual: str) -> ServiceError:
    """The scope is of another day than the request. Source: IAM; guessed but for its beginning."""
    return _invalid(f"Date in Credential scope does not match the request's: '{given}' != '{actual}'.")


def other_service(name: str) -> ServiceError:
    """The scope is of another service. Source: IAM."""
    return _invalid(f"Credential should be scoped to correct service: '{name}'.")


def not_signed(header: str) -> ServiceError:
    """A header that must be signed is not. Source: suite."""
    return _invalid(f"'{header}' must be a 'SignedHeader' in the AWS Authorization.")


def not_unicode() -> ServiceError:
    """A header or the path is of bytes that nobody can have signed. Guessed."""
    return _invalid("What is signed must be UTF-8.")


def not_ascii() -> ServiceError:
    """The Authorization header is not ASCII. Guessed."""
    return _incomplete("Authorization header must be of ASCII characters.")


def unsupported_algorithm(given: str, accepted: str) -> ServiceError:
    """The signature is of another kind. Source: suite; guessed but for its beginning."""
    return _incomplete(f"Unsupported AWS 'algorithm': '{given}'. It must be {accepted}.")


def missing_parameters(names: Iterable[str]) -> ServiceError:
    """The Authorization header lacks parts. Source: suite."""
    return _incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in names))


def malformed_credential() -> ServiceError:
    """The credential's scope has another form. Source: suite; guessed but for its beginning."""
    return _incomplete(
        "Credential must have exactly 5 slash-delimited elements: key/date/region/service/term."
    )


def no_date() -> ServiceError:
    """There is no time at which the request was signed. Source: suite; guessed in part."""
    return _incomplete("Authorization header requires existence of a valid 'X-Amz-Date' header.")

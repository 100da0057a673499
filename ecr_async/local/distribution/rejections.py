"""What only `/v2/` rejects, and in which words. All else is an error of the API: see `translated`.

As in `ecr_async.local.rules.messages`, each function names the source of its wording. `registry` is the code
and text of https://github.com/distribution/distribution, where nothing is known of ECR's.
"""

from collections.abc import Mapping

from ecr_async.local.distribution.errors import DistributionError
from ecr_async.local.rules import messages

Headers = Mapping[str, str]


# ---------------------------------------------------------------------------- logins


def not_logged_in(challenge: Headers) -> DistributionError:
    """There is no password, or it is none. Source: https://github.com/mdlavin/copy-docker-image/issues/5."""
    return DistributionError(401, "UNAUTHORIZED", "Not Authorized", challenge)


def expired_login(challenge: Headers) -> DistributionError:
    """Source: https://github.com/aws/aws-cli/issues/6580."""
    message = "Your authorization token has expired. Reauthenticate and try again."
    return DistributionError(403, "DENIED", message, challenge)


def login_of_another_region(given: str, wanted: str, challenge: Headers) -> DistributionError:
    """Guessed."""
    message = f"Your authorization token is of {given}, not of {wanted}."
    return DistributionError(403, "DENIED", message, challenge)


def not_authorized(principal: str, account: str, challenge: Headers) -> DistributionError:
    """Another account's registry. Guessed after what IAM says of other services."""
    return DistributionError(
        403,
        "DENIED",
        f"User: {principal} is not authorized to do this in the registry with id '{account}' "
        "because no resource-based policy allows it",
        challenge,
    )


# ---------------------------------------------------------------------------- requests


def no_such_method(method: str, allowed: Headers) -> DistributionError:
    """Source: registry, for the code."""
    return DistributionError(405, "UNSUPPORTED", f"{method} is not supported", allowed)


def no_such_path() -> DistributionError:
    """Guessed."""
    return DistributionError(404, "NAME_INVALID", "There is nothing of that name")


def stalled() -> DistributionError:
    """Guessed."""
    return DistributionError(408, "BLOB_UPLOAD_INVALID", "The rest of the body did not come")


def gone(error: object) -> DistributionError:
    """The client has gone away, so nobody reads this."""
    return DistributionError(400, "BLOB_UPLOAD_INVALID", f"The client went away: {error}")


def bad_encoding(reason: str) -> DistributionError:
    """A body that is not encoded as its head says. Guessed."""
    return DistributionError(400, "UNSUPPORTED", reason)


def failed() -> DistributionError:
    """A fault of the embedded ECR itself. Its own words."""
    return DistributionError(500, "UNKNOWN", messages.failed().message)


def bad_page_size() -> DistributionError:
    """Source: registry, for the code."""
    return DistributionError(400, "PAGINATION_NUMBER_INVALID", "n must be a number, 0 or more")


# ---------------------------------------------------------------------------- manifests


def unknown_algorithm(digest: str) -> DistributionError:
    """Guessed."""
    return DistributionError(400, "DIGEST_INVALID", f"'{digest}' is not a digest of a known algorithm")


def malformed_tag() -> DistributionError:
    """Source: https://github.com/bazel-contrib/rules_oci/issues/721, for the status; guessed."""
    return DistributionError(400, "TAG_INVALID", messages.malformed_tag().message)


def manifest_too_large(most: int) -> DistributionError:
    """Source: registry, for the status."""
    return DistributionError(413, "SIZE_INVALID", f"A manifest has {most:,} bytes at most")


# ---------------------------------------------------------------------------- blobs


def blob_unknown(digest: str) -> DistributionError:
    """Guessed."""
    return DistributionError(404, "BLOB_UNKNOWN", f"The layer with digest '{digest}' does not exist")


def blobs_stay() -> DistributionError:
    """Deleting a blob. Guessed; the API has no such operation."""
    return DistributionError(405, "UNSUPPORTED", "Layers are removed once no image refers to them")


def chunk_out_of_order(first: int, received: int, progress: Headers) -> DistributionError:
    """Guessed; the status and the headers are the specification's."""
    message = f"The chunk begins at byte {first:,}, but {received:,} bytes have been received"
    return DistributionError(416, "BLOB_UPLOAD_INVALID", message, progress)


def chunk_of_another_size(actual: int, announced: int) -> DistributionError:
    """Guessed."""
    return DistributionError(
        400, "SIZE_INVALID", f"The chunk has {actual:,} bytes, not {announced:,} as its Content-Range says"
    )


def bad_content_range(given: str) -> DistributionError:
    """Guessed."""
    return DistributionError(400, "BLOB_UPLOAD_INVALID", f"Content-Range must be first-last, not '{given}'")


def length_of_another_range(length: int | None, given: str) -> DistributionError:
    """Guessed."""
    return DistributionError(400, "SIZE_INVALID", f"Content-Length is {length}, but Content-Range {given}")

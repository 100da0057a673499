"""An error's body and headers: always a `CallError` that can be shown and pickled, and holds no secret."""

import pickle

from multidict import CIMultiDict

from ecr_async import api
from ecr_async._wire import codec
from ecr_async._wire.redaction import Redactor
from ecr_async.api.manifests import PUT_IMAGE
from ecr_async.errors import CallError, ServiceError
from tests.fuzz.target import Target

__all__ = ["TARGET"]

SECRET = "IQoJb3JpZ2luX2VjEHMaCXVzLWVhc3QtMSJHMEUCIQDk+/=="
HEADERS = ("x-amzn-errortype", "x-amz-retry-after", "content-type")


def _decoded(tried: bytes) -> str:
    """Of the first bytes a header is made, of the others the body."""
    value = tried[: tried[0] % 60 if tried else 0].decode("latin-1")
    headers = CIMultiDict({HEADERS[len(tried) % 3]: value} if len(tried) % 2 else {})
    error = codec.decode_error(
        PUT_IMAGE, 400, headers, tried, find_error=api.error_named, redactor=Redactor([SECRET])
    )
    assert isinstance(error, CallError)
    shown = f"{error} {error!r} {vars(error)} {pickle.loads(pickle.dumps(error))}"
    assert SECRET not in shown
    return "service error" if isinstance(error, ServiceError) else "other error"


TARGET = Target(
    "error",
    [
        b'{"__type": "com.amazonaws.ecr#ImageAlreadyExistsException:http://a/", "message": "No."}',
        b'{"__type": "KmsException", "Message": "%b", "kmsError": "AccessDeniedException"}' % SECRET.encode(),
        b'{"message": "Forbidden", "details": [{"token": "%b"}]}' % SECRET.encode(),
        b"<html><body>502 %b</body></html>" % SECRET.encode(),
    ],
    _decoded,
)

"""Every operation that ends otherwise the second time is listed, with the errors that it may then end in."""

import pytest

from ecr_async._pipeline.idempotency import REPEATS, is_idempotent
from tests.conformance.strategies import MODEL, OPERATIONS

CHANGING = ("Complete", "Create", "Delete", "Deregister", "Initiate", "Register", "Start", "Stop", "Upload")
READING_OR_SETTING = ("Describe", "Get", "List", "BatchCheck", "BatchGet", "Set", "Tag", "Untag", "Validate")


@pytest.mark.parametrize("operation", [operation for operation in REPEATS if operation in OPERATIONS])
def test_the_errors_of_a_repeat_are_the_operations_own(operation: str) -> None:
    modelled = {shape.name for shape in MODEL.operation_model(operation).error_shapes}
    assert REPEATS[operation] <= modelled


@pytest.mark.parametrize("operation", OPERATIONS)
def test_verbs_show_which_operations_are_idempotent(operation: str) -> None:
    if operation.startswith(CHANGING):
        assert not is_idempotent(operation)
    if operation.startswith(READING_OR_SETTING):
        assert is_idempotent(operation)

"""Each kind of event as one readable line."""

from typing import Any

import pytest

from ecr_async.cli.event_lines import line
from ecr_async.events import parse_event
from ecr_async.oci.media_types import OCI_INDEX
from tests.unit.events.documents import DIGEST, REPOSITORY_ARN, event, push, record

IMAGE = {"repository-name": "team/app", "image-digest": DIGEST}
SHORT = f"team/app@{DIGEST[:19]}"
INSPECTOR = {"source": "aws.inspector2", "resources": [REPOSITORY_ARN]}


def of_image(detail_type: str, **detail: Any) -> dict[str, Any]:
    return event(detail_type, IMAGE | {name.replace("_", "-"): value for name, value in detail.items()})


@pytest.mark.parametrize(
    ("document", "ends"),
    [
        (push(), f"ImagePushed  team/app:1.0@{DIGEST[:19]}"),
        (push(**{"manifest-media-type": OCI_INDEX}), "index"),
        (push(result="FAILURE"), "FAILURE"),
        (
            of_image("ECR Image Action", action_type="UPDATE_STORAGE_CLASS", target_storage_class="ARCHIVE"),
            f"{SHORT}  to ARCHIVE",
        ),
        (
            of_image(
                "ECR Referrer Action", action_type="UPDATE_STORAGE_CLASS", target_storage_class="STANDARD"
            ),
            f"{SHORT}  to STANDARD",
        ),
        (
            of_image("ECR Image Scan", scan_status="COMPLETE", finding_severity_counts={"HIGH": 2, "LOW": 0}),
            "COMPLETE 2 HIGH",
        ),
        (
            of_image(
                "ECR Replication Action",
                result="SUCCESS",
                action_type="REPLICATE",
                source_account="210987654321",
                source_region="us-east-1",
            ),
            "SUCCESS from 210987654321 us-east-1",
        ),
        (
            of_image("ECR Pull Through Cache Action", sync_status="FAILURE", failure_code="NotFound"),
            "FAILURE NotFound",
        ),
        (
            event(
                "ECR Scan Resource Change",
                {"repositories": [{"repository-name": "team/app", "scan-frequency": "MANUAL"}]},
            ),
            "team/app  MANUAL",
        ),
        (event("ECR Artifact Action", {}), "aws.ecr: ECR Artifact Action"),
        (record("CreateRepository"), "team/app  CreateRepository"),
        (push(**{"image-tag": "a\nb\x1b[31m"}), f"a\ufffdb\ufffd[31m@{DIGEST[:19]}"),
    ],
)
def test_a_line_says_what_happened_to_what(document: dict[str, Any], ends: str) -> None:
    shown = line(parse_event(document))
    assert shown.startswith("2026-03-01 12:00:00  012345678901  eu-west-1  ")
    assert shown.endswith(ends)

"""A blob's file, and what becomes of one that a cancelled caller never got."""

import gc
import os
from pathlib import Path

import pytest

from ecr_async.oci.digests import digest_of
from ecr_async.oci.manifests import Descriptor
from ecr_async.transfer.layouts.blob_file import BlobFile

CONTENT = b"layer"
DESCRIPTOR = Descriptor("application/octet-stream", digest_of(CONTENT), len(CONTENT))


def test_what_was_written_is_there_for_another_time(tmp_path: Path) -> None:
    first = BlobFile(DESCRIPTOR, tmp_path, tmp_path / "layer")
    first.take(CONTENT[:2])
    first.close()
    second = BlobFile(DESCRIPTOR, tmp_path, tmp_path / "layer")
    assert second.size == 2
    second.take(CONTENT[2:])
    second.finish()
    second.close()
    assert (tmp_path / "layer").read_bytes() == CONTENT


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files cannot be counted here")
def test_one_that_nobody_has_is_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    BlobFile(DESCRIPTOR, tmp_path, tmp_path / "layer")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before

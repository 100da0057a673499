"""The options of a scan of images."""

from __future__ import annotations

import attrs

from ecr_async._arguments import check_choice, check_number
from ecr_async.api.common import TagStatus
from ecr_async.api.images import DescribeImagesFilter, DescribeImagesRequest, ImageStatusFilter
from ecr_async.errors import ValidationError

__all__ = ["ScanOptions"]


@attrs.frozen(kw_only=True)
class ScanOptions:
    """The options of `scan_images`, checked."""

    tag_status: TagStatus | None = None
    image_status: ImageStatusFilter | None = None
    concurrency: int = 64
    page_size: int = 1000
    patience: float = 600.0

    def __attrs_post_init__(self) -> None:
        check_choice("tag_status", self.tag_status, TagStatus)
        check_choice("image_status", self.image_status, ImageStatusFilter)
        check_number("concurrency", self.concurrency, least=1, whole=True)
        check_number("patience", self.patience, above=0, unit=" seconds")
        check_number("page_size", self.page_size, whole=True)
        if not 1 <= self.page_size <= 1000:
            raise ValidationError("page_size", f"must be 1 to 1,000, not {self.page_size}")

    @property
    def images(self) -> str:
        """Which images are scanned, in words: what a checkpoint is good for."""
        return f"tag_status {self.tag_status or 'ANY'} and image_status {self.image_status or 'ACTIVE'}"

    def request(self, repository: str, next_token: str | None) -> DescribeImagesRequest:
        """Return the request for a page of a repository."""
        is_filtered = self.tag_status or self.image_status
        return DescribeImagesRequest(
            repository,
            next_token=next_token,
            max_results=self.page_size,
            filter=DescribeImagesFilter(self.tag_status, self.image_status) if is_filtered else None,
        )

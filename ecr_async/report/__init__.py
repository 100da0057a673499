"""A scan's figures, tables and pictures.

    totals = Totals()
    async for result in ecr.scan_images(services):
        if isinstance(result, ecr.ScannedPage):
            totals.add_page(result, registry=result.service.region)
    for figures in totals.largest(10):
        print(figures.name, figures.images, figures.bytes)

`read_rows` gives the rows of a scan's file, for `Totals.add_row`; `ecr_async.report.tables` draws on a
terminal (extra `cli`), and `ecr_async.report.page` writes a page of HTML.
"""

from ecr_async.report.reading import ScanFileError, read_rows
from ecr_async.report.totals import Figures, Totals

__all__ = ["Figures", "ScanFileError", "Totals", "read_rows"]

"""Write every image of a registry to a file, one JSON object a line.

    python examples/scan_to_jsonl.py images.jsonl
    python examples/scan_to_jsonl.py images.jsonl 'team/*' --region eu-west-1 --region us-east-1
    python examples/scan_to_jsonl.py images.jsonl --checkpoint images.checkpoint    # can be interrupted

Credentials and endpoint are those of the AWS SDKs' environment.
"""

import argparse
import asyncio
import sys

import ecr_async as ecr


async def scan_to_jsonl(options: argparse.Namespace) -> bool:
    """Scan. Returns whether nothing failed."""
    async with ecr.Session() as session:
        services = [session.service(region) for region in options.region or [None]]
        scan = ecr.scan_images(services, options.repositories or None, checkpoint=options.checkpoint)
        summary = await ecr.write_jsonl(scan, options.path, on_result=report_failure)
    print(f"{summary.images:,} images of {summary.scanned:,} repositories in {summary.seconds:.1f} s")
    return summary.complete


def report_failure(result: ecr.ScanResult) -> None:
    """Say what could not be scanned; the scan goes on."""
    match result:
        case ecr.FailedRepository(repository=repository, error=error):
            print(f"{repository}: {error}", file=sys.stderr)
        case ecr.FailedListing(error=error):
            print(error, file=sys.stderr)
        case ecr.VanishedRepository(repository=repository):
            print(f"{repository}: there is no such repository", file=sys.stderr)
        case ecr.ScannedPage():
            pass


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("repositories", nargs="*", help="names or patterns [all]")
    parser.add_argument("--region", action="append", help="may be given again [the configured one]")
    parser.add_argument("--checkpoint", help="a file to go on from after an interruption")
    try:
        complete = asyncio.run(scan_to_jsonl(parser.parse_args()))
    except ecr.ECRError as error:
        sys.exit(str(error))
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()

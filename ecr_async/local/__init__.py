"""An embedded ECR: a real HTTP server on loopback that keeps the service's promises, without AWS.

    async with LocalECR() as local, local.session() as session:
        await ecr.create_repository(session.service(), ecr.CreateRepositoryRequest("team/app"))

State is in SQLite, layers are in a folder, under their digests. See `LocalECR`.
"""

from ecr_async.local.embedded import LocalECR, serve

__all__ = ["LocalECR", "serve"]

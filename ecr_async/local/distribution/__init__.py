"""The embedded ECR's second door: the OCI distribution API at `/v2/`, for docker, skopeo, podman and the
like.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md

The rules are those of the API's operations, which do the work here too: what is pushed by one door can
be pulled by the other, under the same checks. Where the specification leaves a choice, ECR's is taken:
layers aren't deleted (405), the last tag takes its image along, repositories are not made by a push
unless a creation template says so, layers are mounted if the account's setting says so.
"""

from ecr_async.local.distribution.routes import make_distribution

__all__ = ["make_distribution"]

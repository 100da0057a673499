"""Every text that the embedded ECR's errors hold, and where it comes from.

Those about a registry's settings are in `ecr_async.local.rules.registry_messages`, those about signatures
in `ecr_async.local.signature_messages`; `ecr_async.local.distribution.rejections` has what only `/v2/` says.

Programs match on the texts of errors, so they are ECR's own as far as those are known. Each function names
its source: a public report of what real ECR said, or `guessed`, where only the error's code and what it is
about are known. docs/guide/embedded-ecr.md says the same for users.

The reports, by the names that the functions use:

- moto: https://github.com/getmoto/moto/tree/master/tests/test_ecr (its tests quote ECR)
- localstack: https://github.com/localstack/localstack (its tests of ECR; some are run against AWS)
- terraform: https://github.com/terraform-aws-modules/terraform-aws-ecr/issues/19
- lifecycle: https://github.com/cloudposse/terraform-aws-ecr/issues/158
- name: https://github.com/jenkins-x/jx/issues/1344
- tag: https://github.com/alexjurkiewicz/ecr-scan-image/issues/40
- length: https://github.com/aws/aws-dotnet-deploy/issues/549
- members: https://github.com/puemos/aws-lambda-ecr-cleaner/issues/3
- items: https://github.com/aws-actions/amazon-ecr-login/issues/225
- no layers: https://github.com/werf/werf/issues/2544
- too many layers: https://github.com/openai/tart/issues/890
- too many images: https://github.com/vllm-project/vllm/issues/48065
- too many tags: https://github.com/medic/cht-core/issues/11099
- missing layers: https://github.com/oras-project/oras-py/issues/54
- missing images: https://github.com/int128/docker-manifest-create-action/pull/63
- manifest lists: https://github.com/aws/containers-roadmap/issues/1567 (of ECR Public)
- rate: https://github.com/awsdocs/amazon-ecr-user-guide/issues/11
- part size: https://github.com/dotnet/sdk-container-builds/issues/424
- no parts: https://github.com/devcontainers/cli/issues/814
- layer digest: https://github.com/abiosoft/colima/issues/1167
- image digest: https://github.com/google/go-containerregistry/issues/1568
- download: https://github.com/monken/aws-ecr-public/issues/11
- types: https://github.com/aarondfrancis/sidecar/issues/148 (another service, the same parser)
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import attrs

from ecr_async.api import common, layers, lifecycle, manifests, policies, registry, repositories, scanning
from ecr_async.api.common import ImageIdentifier, InvalidParameterException
from ecr_async.errors import ServiceError


class Repository(Protocol):
    """The repository that an error is about."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        ...


def _in(repository: Repository) -> str:
    return f"in the repository with name '{repository.name}' in the registry with id '{repository.account}'"


def _for(repository: Repository) -> str:
    return f"for the repository with name '{repository.name}' in the registry with id '{repository.account}'"


# ---------------------------------------------------------------------------- requests


def not_json() -> ServiceError:
    """The body is not JSON. Guessed: the parser says nothing at all."""
    return ServiceError("The body is not JSON", code="SerializationException")


_FOUND = {bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", str: "STRING_VALUE"}
_WANTED = {"string": "String", "integer": "Integer", "number": "Double", "boolean": "Boolean"}


def unknown_operation(target: str) -> ServiceError:
    """The header X-Amz-Target names nothing that there is. Guessed: AWS says nothing besides the code."""
    return ServiceError(f"There is no operation '{target}'", code="UnknownOperationException")


def failed() -> common.ServerException:
    """A fault of the embedded ECR itself. Its own words."""
    return common.ServerException("The embedded ECR failed; see its log.")


def wrong_type(value: Any, wanted: str) -> ServiceError:
    """A member is of another type than the API's model says. Source: types; guessed but for numbers."""
    if isinstance(value, dict):
        message = "Start of structure or map found where not expected."
    elif isinstance(value, list):
        message = "Start of list found where not expected"
    elif wanted in ("structure", "map", "list"):
        message = "Unexpected field type" if wanted == "structure" else f"Expected {wanted} or null"
    else:
        found = next((name for kind, name in _FOUND.items() if isinstance(value, kind)), "NULL_VALUE")
        message = f"{found} can not be converted to {'a ' if wanted != 'integer' else 'an '}{_WANTED.get(wanted, wanted)}"
    return ServiceError(message, code="SerializationException")


def invalid(parameter: str, constraint: str) -> InvalidParameterException:
    """A parameter breaks a constraint. Source: moto, terraform, name and others agree on the form."""
    return InvalidParameterException(
        f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    )


def missing(parameter: str) -> InvalidParameterException:
    """A required parameter is not there. Guessed: the SDKs don't send such requests."""
    return invalid(parameter, "must not be null")


def exclusive(parameter: str, other: str) -> InvalidParameterException:
    """Two parameters that don't go together. Guessed."""
    return invalid(parameter, f"cannot be specified together with '{other}'")


@attrs.frozen(kw_only=True)
class Broken:
    """The limit that a value breaks."""

    at_least: int | None = None
    at_most: int | None = None
    pattern: str | None = None
    is_number: bool = False

    @property
    def bound(self) -> str:
        """The limit of a length or a number, in the words that all forms share."""
        if self.at_least is not None:
            return f"greater than or equal to {self.at_least}"
        return f"less than or equal to {self.at_most}"


PATTERNS = {
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*": (
        "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
    )
}
"""Patterns that ECR's messages quote otherwise than its model has them. Source: name."""


def constraint(broken: Broken) -> str:
    """The constraint of a single value. Source: name, length; guessed for numbers."""
    if broken.pattern is not None:
        return f"must satisfy regular expression '{PATTERNS.get(broken.pattern, broken.pattern)}'"
    return f"must have {'value' if broken.is_number else 'length'} {broken.bound}"


def member_constraint(broken: Broken) -> str:
    """The constraint of a list's length. Source: members, localstack."""
    return f"Member must have length {broken.bound}"


def items_constraint(broken: Broken) -> str:
    """The constraint of a list's items. Source: items."""
    if broken.pattern is not None:
        return f"Member must satisfy constraint: [Member must satisfy regular expression pattern: {broken.pattern}]"
    return f"Member must satisfy constraint: [Member must have length {broken.bound}]"


SETS = {
    frozenset({"MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"}): (
        "IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION"
    )
}
"""The order in which ECR lists values, where it is known. Source: moto."""


def not_in_set(values: Sequence[str]) -> str:
    """The constraint of an enumeration. Source: moto; the order is guessed except for `SETS`."""
    return f"Member must satisfy enum value set: [{SETS.get(frozenset(values)) or ', '.join(values)}]"


# ---------------------------------------------------------------------------- repositories


def repository_not_found(name: str, account: str) -> common.RepositoryNotFoundException:
    """Source: moto, localstack."""
    return common.RepositoryNotFoundException(
        f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    )


def repository_exists(name: str, account: str) -> repositories.RepositoryAlreadyExistsException:
    """Source: moto."""
    return repositories.RepositoryAlreadyExistsException(
        f"The repository with name '{name}' already exists in the registry with id '{account}'"
    )


def repository_not_empty(repository: Repository) -> repositories.RepositoryNotEmptyException:
    """Source: moto."""
    return repositories.RepositoryNotEmptyException(
        f"The repository with name '{repository.name}' in registry with id '{repository.account}' "
        "cannot be deleted because it still contains images"
    )


def other_registry(account: str) -> InvalidParameterException:
    """A registry that is not the caller's, where no other is accepted. Guessed."""
    return invalid("registryId", f"must be the caller's own registry, {account}")


def stale_token() -> InvalidParameterException:
    """A page's token that was given out for another request, or by nobody. Guessed."""
    return invalid("nextToken", "must be the token of the page before, for the same request")


def exclusion_filters(mutability: str, *, given: bool) -> InvalidParameterException:
    """Exclusion filters that don't go with the mutability. Source: moto; guessed where filters are given."""
    verb = "must be null" if given else "can't be null"
    return invalid(
        "imageTagMutabilityExclusionFilters",
        f"ImageTagMutabilityExclusionFilters {verb} when imageTagMutability is set as {mutability}",
    )


def key_without_kms() -> InvalidParameterException:
    """A key for an encryption that uses none. Guessed."""
    return invalid("encryptionConfiguration.kmsKey", "must not be given with AES256")


def not_an_arn() -> InvalidParameterException:
    """An ARN of a resource outside this registry. Source: moto."""
    return invalid("resourceArn", "Invalid ARN")


# ---------------------------------------------------------------------------- images

DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
TAG_PATTERN = "[a-zA-Z0-9-_.]+"


NEITHER_TAG_NOR_DIGEST = "Invalid request parameters: both tag and digest cannot be null"
"""Source: moto, localstack."""
MALFORMED_DIGEST = f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_PATTERN}'"
"""Source: moto, localstack."""
MALFORMED_TAG = f"Invalid request parameters: image tag should satisfy the regex '{TAG_PATTERN}'"
"""Guessed, after the digest's."""
NO_SUCH_IMAGE = "Requested image not found"
"""Source: moto, localstack."""
TAG_OF_ANOTHER_DIGEST = "Invalid request parameters: given tag does not map to the given digest"
"""Source: moto, localstack."""


def of_another_media_type(media_type: str) -> str:
    """An image is of none of the media types that the caller accepts. Guessed."""
    return f"Requested image is of the media type {media_type}"


def not_active(status: str) -> str:
    """An image cannot be pulled from where it is. Guessed."""
    return f"Requested image is {status}"


def in_manifest_lists(digests: Iterable[str]) -> str:
    """An image cannot be deleted before the indexes that it is in. Reported, without a link.

    That it is so: manifest lists.
    """
    return f"Requested image referenced by manifest list: [{', '.join(digests)}]"


def image_not_found(image_id: ImageIdentifier, repository: Repository) -> common.ImageNotFoundException:
    """Source: moto."""
    return common.ImageNotFoundException(
        f"The image with imageId {_id(image_id)} does not exist within the repository "
        f"with name '{repository.name}' in the registry with id '{repository.account}'"
    )


def image_exists(
    digest: str, tag: str | None, repository: Repository
) -> manifests.ImageAlreadyExistsException:
    """Source: moto."""
    return manifests.ImageAlreadyExistsException(
        f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository "
        f"with name '{repository.name}' in registry with id '{repository.account}'"
    )


def tag_is_immutable(tag: str, repository: Repository) -> manifests.ImageTagAlreadyExistsException:
    """Source: moto."""
    return manifests.ImageTagAlreadyExistsException(
        f"The image tag '{tag}' already exists in the '{repository.name}' repository "
        "and cannot be overwritten because the tag is immutable."
    )


def malformed_tag() -> InvalidParameterException:
    """Source: tag."""
    return invalid("imageTag", f"must satisfy regular expression '{TAG_PATTERN}'")


def bad_manifest(reason: str) -> InvalidParameterException:
    """A manifest that cannot be held. Source: no layers, for the form."""
    return invalid("ImageManifest", reason)


def other_media_type(written: str, sent: str) -> str:
    """A manifest says to be of another media type than the request does. Guessed."""
    return f"is of media type {written}, not {sent} as the request says"


def no_digest_in(member: str) -> str:
    """A manifest refers to something without its digest. Guessed."""
    return f"must have descriptors with a digest in {member}"


def no_size_in(member: str) -> str:
    """A manifest refers to something of an impossible size. Guessed."""
    return f"must have sizes in {member} that are numbers of bytes"


def not_text(member: str) -> str:
    """A member of a manifest is not a string. Guessed."""
    return f"must have text as its {member}"


OTHER_SCHEMA = "must be a manifest of schema version 2"
"""Guessed; ECR took manifests of version 1 once."""
UNUSABLE_MEDIA_TYPE = "must have a media type that a Content-Type header can hold"
"""Guessed."""
NO_LAYERS = "Image has to have at least 1 layer"
"""Source: no layers."""
NOT_JSON = "Invalid JSON syntax"
"""Reported, without a link: the same text for a manifest without a media type."""


TOO_MANY_LAYERS = "Limit on number of layers per image exceeded"
"""Source: too many layers."""


def digest_does_not_match(given: str, repository: Repository) -> manifests.ImageDigestDoesNotMatchException:
    """Source: image digest."""
    return manifests.ImageDigestDoesNotMatchException(
        f"The image with digest '{given}' in repository '{repository.name}' and registry ID '{repository.account}' "
        "does not match the image digest that Amazon ECR has calculated."
    )


def _required(what: str, digests: Iterable[str], repository: Repository) -> str:
    return (
        f"{what} with digests '[{', '.join(digests)}]' required for pushing image into repository "
        f"with name '{repository.name}' in the registry with id '{repository.account}' do not exist"
    )


def layers_missing(digests: Iterable[str], repository: Repository) -> common.LayersNotFoundException:
    """Source: missing layers."""
    return common.LayersNotFoundException(_required("Layers", digests, repository))


def images_missing(
    digests: Iterable[str], repository: Repository
) -> manifests.ReferencedImagesNotFoundException:
    """Source: missing images."""
    return manifests.ReferencedImagesNotFoundException(_required("Images", digests, repository))


def _id(image_id: ImageIdentifier) -> str:
    digest, tag = image_id.image_digest or "null", image_id.image_tag or "null"
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"


# ---------------------------------------------------------------------------- layers


def upload_not_found(upload_id: str, repository: Repository) -> layers.UploadNotFoundException:
    """Guessed."""
    return layers.UploadNotFoundException(
        f"The upload with id '{upload_id}' does not exist {_in(repository)}"
    )


def no_parts(upload_id: str, repository: Repository) -> layers.EmptyUploadException:
    """Source: no parts."""
    return layers.EmptyUploadException(
        f"The upload with id '{upload_id}' in the repository with name '{repository.name}' in registry "
        f"with id '{repository.account}' cannot be completed because it does not have any parts"
    )


def part_too_small() -> layers.LayerPartTooSmallException:
    """Source: part size."""
    return layers.LayerPartTooSmallException("All layer parts except the last part should be at least 5MB")


def part_too_large(most: int) -> InvalidParameterException:
    """A part has more bytes than the API's model lets it have. Source: length, for the form."""
    return invalid("layerPartBlob", constraint(Broken(at_most=most)))


def part_out_of_order(
    upload_id: str, received: int, repository_name: str, account: str
) -> layers.InvalidLayerPartException:
    """Guessed; the details are those that the API documents."""
    return layers.InvalidLayerPartException(
        f"The layer part does not follow the {received} bytes that have been received of the upload with id "
        f"'{upload_id}' in the repository with name '{repository_name}' in the registry with id '{account}'",
        details={
            "registryId": account,
            "repositoryName": repository_name,
            "uploadId": upload_id,
            "lastValidByteReceived": received - 1,
        },
    )


def wrong_layer_digest() -> layers.InvalidLayerException:
    """Source: layer digest."""
    return layers.InvalidLayerException(
        "None of the provided layer digests match the calculated layer digest"
    )


def layer_exists(digest: str, repository: Repository) -> layers.LayerAlreadyExistsException:
    """Guessed, after `image_exists`."""
    return layers.LayerAlreadyExistsException(
        f"Layer with digest '{digest}' already exists in the repository with name '{repository.name}' "
        f"in the registry with id '{repository.account}'"
    )


def layer_not_found(digest: str, repository: Repository) -> common.LayersNotFoundException:
    """Source: download."""
    return common.LayersNotFoundException(
        f"The layer with digest '{digest}' does not exist within the repository with name '{repository.name}' "
        f"in the registry with id '{repository.account}'"
    )


def layer_inaccessible(digest: str) -> layers.LayerInaccessibleException:
    """Guessed; the API's reference says when it is raised."""
    return layers.LayerInaccessibleException(
        f"The layer with digest '{digest}' is not available because it is not associated with an image"
    )


MALFORMED_HOST = "the Host header must be in ASCII"
"""A host that can stand in no URL."""
FOREIGN_URL = "AccessDenied: this URL was not given out here"
"""A layer's URL that is not one of this server's. Guessed; ECR's are of S3, whose code it begins with."""
EXPIRED_URL = "AccessDenied: Request has expired"
"""Source: S3, https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html."""
DELETED_LAYER = "NoSuchKey: the layer has been deleted"
"""Guessed; the code is S3's."""
MISSING_LAYER_DIGEST = "The layer digest is missing"
"""Guessed."""
INVALID_LAYER_DIGEST = f"Invalid request parameters: layer digest should satisfy the regex '{DIGEST_PATTERN}'"
"""Guessed, after the image digest's."""


# ---------------------------------------------------------------------------- policies


def bad_repository_policy() -> InvalidParameterException:
    """Source: terraform, moto: there is never another reason."""
    return invalid("PolicyText", "Invalid repository policy provided")


def policy_locks_out() -> InvalidParameterException:
    """Guessed."""
    return invalid(
        "PolicyText", "Policy would prevent its owner from setting another one; use force to set it anyway"
    )


def bad_registry_policy() -> InvalidParameterException:
    """Source: moto."""
    return invalid("PolicyText", "Invalid registry policy provided")


def bad_lifecycle_policy(reason: str) -> InvalidParameterException:
    """Source: moto, lifecycle, for all but the reason, which is ours and more exact than ECR's."""
    return invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {reason}")


def no_repository_policy(repository: Repository) -> policies.RepositoryPolicyNotFoundException:
    """Source: moto."""
    return policies.RepositoryPolicyNotFoundException(f"Repository policy does not exist {_for(repository)}")


def no_registry_policy(account: str) -> registry.RegistryPolicyNotFoundException:
    """Source: moto."""
    return registry.RegistryPolicyNotFoundException(
        f"Registry policy does not exist in the registry with id '{account}'"
    )


def no_lifecycle_policy(repository: Repository) -> lifecycle.LifecyclePolicyNotFoundException:
    """Source: moto."""
    return lifecycle.LifecyclePolicyNotFoundException(f"Lifecycle policy does not exist {_for(repository)}")


def preview_in_progress(repository: Repository) -> lifecycle.LifecyclePolicyPreviewInProgressException:
    """Guessed."""
    return lifecycle.LifecyclePolicyPreviewInProgressException(
        f"A lifecycle policy preview is in progress {_for(repository)}"
    )


def no_preview(repository: Repository) -> lifecycle.LifecyclePolicyPreviewNotFoundException:
    """Guessed."""
    return lifecycle.LifecyclePolicyPreviewNotFoundException(
        f"There is no lifecycle policy preview {_for(repository)}"
    )


# ---------------------------------------------------------------------------- scans, replication


def no_scan(image_id: ImageIdentifier, repository: Repository) -> scanning.ScanNotFoundException:
    """Source: moto; the image is named as in the request."""
    return scanning.ScanNotFoundException(
        f"Image scan does not exist for the image with '{_id(image_id)}' {_in(repository)}"
    )


def scanned_already() -> common.LimitExceededException:
    """Source: moto."""
    return common.LimitExceededException("The scan quota per image has been exceeded. Wait and try again.")


def replicates_to_itself() -> InvalidParameterException:
    """Source: moto."""
    return invalid(
        "replicationConfiguration", "Replication destination cannot be the same as the source registry"
    )


# ---------------------------------------------------------------------------- quotas

RATE_EXCEEDED = "Rate exceeded"
"""Source: rate."""


def too_many_repositories(most: int) -> common.LimitExceededException:
    """Guessed."""
    return common.LimitExceededException(f"A registry can have at most {most:,} repositories in a region")


def too_many_images(repository: Repository, most: int) -> common.LimitExceededException:
    """Source: too many images."""
    return common.LimitExceededException(
        f"The repository with name '{repository.name}' in registry with id '{repository.account}' already has "
        f"the maximum allowed number of images which is '{most}'"
    )


def too_many_tags(tag: str, repository: Repository, most: int) -> common.LimitExceededException:
    """Source: too many tags."""
    return common.LimitExceededException(
        f"Adding tag '{tag}' to an image in the repository with name '{repository.name}' in registry with id "
        f"'{repository.account}' exceeds the maximum allowed number of tags per image which is '{most}'"
    )


def too_many_parts(most: int) -> common.LimitExceededException:
    """Guessed."""
    return common.LimitExceededException(f"A layer can have at most {most:,} parts")

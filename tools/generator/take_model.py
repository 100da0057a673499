"""Take ECR's model from the installed botocore into tools/generator/model.json, and print what changed.

Only the structure is taken: names, types, limits, errors, pagination, and the endpoints of known regions. The
words are our own, in tools/generator/api/*.toml. Shapes that no operation reaches are left out.
"""

import json
from pathlib import Path
from typing import Any

import botocore
import botocore.endpoint_provider
import botocore.loaders

MODEL = Path(__file__).parent / "model.json"
KEPT_OF_SHAPE = ("type", "required", "enum", "min", "max", "pattern", "sensitive", "exception")


def take() -> dict[str, Any]:
    """Return the current model, stripped to what the generator reads."""
    loader = botocore.loaders.Loader()
    service = loader.load_service_model("ecr", "service-2")
    pagination = loader.load_service_model("ecr", "paginators-1")["pagination"]
    operations = {
        name: {
            "input": operation["input"]["shape"],
            "output": operation["output"]["shape"],
            "errors": [error["shape"] for error in operation.get("errors", [])],
            **({"result_key": pagination[name]["result_key"]} if name in pagination else {}),
        }
        for name, operation in sorted(service["operations"].items())
    }
    shapes: dict[str, Any] = {}

    def reach(name: str) -> None:
        if name in shapes:
            return
        shape = service["shapes"][name]
        taken = {key: shape[key] for key in KEPT_OF_SHAPE if key in shape}
        shapes[name] = taken
        if "members" in shape:
            taken["members"] = {member: target["shape"] for member, target in shape["members"].items()}
        for part in ("member", "key", "value"):
            if part in shape:
                taken[part] = shape[part]["shape"]
        for target in (
            *taken.get("members", {}).values(),
            *(taken[p] for p in ("member", "key", "value") if p in taken),
        ):
            reach(target)

    for operation in operations.values():
        for name in (operation["input"], operation["output"], *operation["errors"]):
            reach(name)
    return {
        "botocore": botocore.__version__,
        "api_version": service["metadata"]["apiVersion"],
        "target_prefix": service["metadata"]["targetPrefix"],
        "endpoints": endpoints(loader),
        "operations": operations,
        "shapes": dict(sorted(shapes.items())),
    }


def endpoints(loader: botocore.loaders.Loader) -> dict[str, str]:
    """Return each region's endpoint, of those that the rules need nothing but the region for."""
    partitions = loader.load_data("partitions")
    provider = botocore.endpoint_provider.EndpointProvider(
        loader.load_service_model("ecr", "endpoint-rule-set-1"), partitions
    )
    regions = {name for partition in partitions["partitions"] for name in partition["regions"]}
    return {
        region: provider.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False).url
        for region in sorted(regions)
        if not region.endswith("-global")
    }


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return a line for each operation, shape or member that came, went or is different."""
    before, after = old.get("shapes", {}), new["shapes"]
    lasting = before.keys() & after.keys()
    return [
        *_differences("endpoint", old.get("endpoints", {}), new["endpoints"]),
        *_differences("operation", old.get("operations", {}), new["operations"]),
        *_differences("shape", before, after),
        *_differences("member", _members(before, lasting), _members(after, lasting)),
    ]


def _members(shapes: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {
        f"{name}.{member}": target
        for name in sorted(names)
        for member, target in shapes[name].get("members", {}).items()
    }


def _differences(kind: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [
        *(f"+ {kind} {name}" for name in after if name not in before),
        *(f"- {kind} {name}" for name in before if name not in after),
        *(f"~ {kind} {name}" for name in after if name in before and before[name] != after[name]),
    ]


def main() -> None:
    """Write the model and say what is new in it."""
    old = json.loads(MODEL.read_text()) if MODEL.exists() else {}
    new = take()
    MODEL.write_text(json.dumps(new, indent=1) + "\n")
    print(f"model of botocore {new['botocore']}: {len(new['operations'])} operations")
    print("\n".join(changes(old, new)) or "nothing changed")


if __name__ == "__main__":
    main()

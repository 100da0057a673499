"""Write ecr_async/api/ from tools/model.json and the words in tools/api/*.toml.

    python tools/generate.py           write the modules
    python tools/generate.py --check   exit with 1 if what is there is not what would be written
    python tools/generate.py --draft   write also where words are missing

Fails when an operation, type, field or error has no words or no family yet. The same input gives
the same bytes.
"""

import argparse
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from words import Words

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "tools" / "model.json"
TARGET = ROOT / "ecr_async" / "api"
REFERENCE = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{}.html"
WIDTH = 100
GLUE = "\x00"
"""Stands for a space at which a line must not end."""

PLAIN = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "blob": "bytes",
    "timestamp": "datetime",
}
HIDDEN = {("AuthorizationData", "authorizationToken"), ("GetDownloadUrlForLayerResponse", "downloadUrl")}
"""Secrets that the model does not mark: they stay out of every repr."""


def snake(name: str) -> str:
    """Return the Python name of a wire name: DescribeImages is describe_images."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    """Return the wire name that the codec derives from a Python name."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def docstring(text: str, indent: int = 0) -> str:
    """Return text as a docstring, wrapped, at this indentation."""
    pad = " " * indent
    paragraphs = [_wrapped(paragraph, WIDTH - indent) for paragraph in text.split("\n\n")]
    body = "\n\n".join(paragraphs)
    lines = body.split("\n")
    if len(lines) == 1 and len(body) + indent + 6 <= 110:
        return f'{pad}"""{body}"""'
    indented = "\n".join(f"{pad}{line}".rstrip() for line in lines)
    return f'{pad}"""{indented.lstrip()}\n{pad}"""'


def _wrapped(paragraph: str, width: int) -> str:
    if any(line.startswith((" ", "-", "*", "See https:")) for line in paragraph.split("\n")):
        return paragraph
    filled = textwrap.fill(" ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False)
    return filled.replace(GLUE, " ")


class Generator:
    """The model and the words, and how a module is written from them."""

    def __init__(self, model: dict[str, Any], words: Words) -> None:
        self.operations: dict[str, Any] = model["operations"]
        self.shapes: dict[str, Any] = model["shapes"]
        self.version: str = model["botocore"]
        self.words = words
        self.sent = self._reached_from("input")
        self.received = self._reached_from("output")
        self.parts: dict[str, tuple[str, str, str]] = {}
        for name, operation in self.operations.items():
            self.parts[operation["input"]] = ("operations", name, "request")
            self.parts[operation["output"]] = ("operations", name, "response")
        self.users: dict[str, set[str]] = {}
        for name in self.operations:
            for shape in self._reached_from("input", name) | self._reached_from("output", name):
                self.users.setdefault(shape, set()).add(words.home(name))
        self.names = {family: self._names(family) for family in words.families}

    def _reached_from(self, side: str, only: str | None = None) -> set[str]:
        seen: set[str] = set()
        todo = [operation[side] for name, operation in self.operations.items() if only in (None, name)]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self._targets(name)
        return seen

    def _targets(self, name: str) -> list[str]:
        shape = self.shapes[name]
        return [
            *shape.get("members", {}).values(),
            *(shape[part] for part in ("member", "key", "value") if part in shape),
        ]

    # ------------------------------------------------------------------ where things live

    def family(self, shape: str) -> str:
        """Return the module that defines a shape's class or alias."""
        if shape in self.parts:
            return self.words.home(self.parts[shape][1])
        if self._is_class(shape) or "enum" in self.shapes[shape]:
            return self.words.home(shape)
        users = self.users[shape] | self._families_of_users(shape)
        return next(iter(users)) if len(users) == 1 else "common"

    def _families_of_users(self, shape: str) -> set[str]:
        """Return where the classes live that have a field of this shape."""
        return {
            self.family(name)
            for name, other in self.shapes.items()
            if other["type"] == "structure" and not other.get("exception")
            if any(shape in (target, *self._list_chain(target)) for target in other["members"].values())
        }

    def _list_chain(self, shape: str) -> Iterator[str]:
        while "member" in self.shapes[shape]:
            shape = self.shapes[shape]["member"]
            yield shape

    def _is_class(self, shape: str) -> bool:
        return bool(self.shapes[shape]["type"] == "structure")

    # ------------------------------------------------------------------ annotations

    def has_alias(self, shape: str) -> bool:
        """Tell whether a shape gets a name of its own: enumerations, and limits on what is sent."""
        definition = self.shapes[shape]
        if self._is_class(shape):
            return False
        return "enum" in definition or (shape in self.sent and self._limit(shape) != "")

    def _limit(self, shape: str) -> str:
        definition = self.shapes[shape]
        low, high = definition.get("min"), definition.get("max")
        pattern = self.words.pattern(shape) or definition.get("pattern")
        if low == 0 and definition["type"] in ("string", "list", "blob"):
            low = None
        parts = []
        if low is not None:
            parts.append(str(low))
        if high is not None:
            parts.append(str(high) if low is not None else f"maximum={high}")
        if pattern:
            parts.append(f"pattern=r{_quoted(pattern)}")
        return ", ".join(parts)

    def alias(self, shape: str) -> str:
        """Return the definition of a shape's alias."""
        definition = self.shapes[shape]
        if "enum" in definition:
            values = ", ".join(json.dumps(value) for value in definition["enum"])
            return f"{shape}: TypeAlias = Literal[{values}]\n" + docstring(self.words.of("values", shape))
        base = self._base(shape)
        return f"{shape}: TypeAlias = Annotated[{base}, Limit({self._limit(shape)})]"

    def _base(self, shape: str, *, sent: bool = True) -> str:
        definition = self.shapes[shape]
        kind = definition["type"]
        if kind == "structure":
            return shape
        if kind == "list":
            item = self.annotation(definition["member"], sent=sent)
            return f"Sequence[{item}]" if sent else f"tuple[{item}, ...]"
        if kind == "map":
            key, value = (self.annotation(definition[part], sent=sent) for part in ("key", "value"))
            return f"Mapping[{key}, {value}]"
        return PLAIN[kind]

    def annotation(self, shape: str, *, sent: bool = True) -> str:
        """Return the annotation of a field of this shape, when it is present."""
        if "enum" in self.shapes[shape]:
            return f"{shape} | str" if shape in self.received else shape
        return shape if sent and self.has_alias(shape) else self._base(shape, sent=sent)

    def field(self, owner: str, wire: str) -> str:
        """Return the definition of one field, with its docstring."""
        target = self.shapes[owner]["members"][wire]
        definition = self.shapes[target]
        required = wire in self.shapes[owner].get("required", [])
        name = snake(wire)
        options: dict[str, str] = {}
        annotation = self.annotation(target, sent=owner in self.sent)
        if not required:
            empty = (
                {"list": "()", "map": f"attrs.Factory(dict[{self._base(target, sent=False)[8:-1]}])"}.get(
                    definition["type"]
                )
                if owner not in self.sent
                else None
            )
            options["default"] = empty or "None"
            annotation = annotation if empty else f"{annotation} | None"
        if definition["type"] == "map":
            options["hash"] = "False"
        if definition.get("sensitive") or definition["type"] == "blob" or (owner, wire) in HIDDEN:
            options["repr"] = "False"
        if camel(name) != wire:
            options["metadata"] = f'{{"wire": "{wire}"}}'
        if set(options) - {"default"}:
            value = " = attrs.field(" + ", ".join(f"{key}={text}" for key, text in options.items()) + ")"
        else:
            value = f" = {options['default']}" if options else ""
        section, thing, part = self.parts.get(owner, ("types", owner, "members"))
        words = self.words.of_field(section, thing, part, wire)
        limit = self._limit_sentence(target) if owner in self.sent else ""
        return f"    {name}: {annotation}{value}\n" + docstring(f"{words} {limit}".strip(), 4)

    def _limit_sentence(self, shape: str) -> str:
        definition = self.shapes[shape]
        unit = {"string": "characters", "list": "items", "blob": "bytes"}.get(definition["type"], "")
        low, high = definition.get("min"), definition.get("max")
        if "enum" in definition or (not low and high is None):
            return ""
        if high is None:
            text = f"At least {low:,} {unit}"
        elif not low:
            text = f"At most {high:,} {unit}"
        else:
            text = f"{low:,} to {high:,} {unit}"
        return text.strip().replace(" ", GLUE) + "."

    # ------------------------------------------------------------------ classes and functions

    def structure(self, shape: str) -> str:
        """Return the attrs class of a structure."""
        definition = self.shapes[shape]
        required = definition.get("required", [])
        members = sorted(definition["members"], key=lambda wire: wire not in required)
        lines = [
            "@attrs.frozen(eq=False, repr=False, weakref_slot=False)",
            f"class {shape}(Record):",
            docstring(self._structure_words(shape), 4),
            "",
        ]
        lines += [self.field(shape, wire) for wire in members]
        return "\n".join(lines)

    def _structure_words(self, shape: str) -> str:
        if shape not in self.parts:
            return self.words.of("types", shape)
        _, operation, part = self.parts[shape]
        return (
            f"What `{snake(operation)}` asks." if part == "request" else f"What `{snake(operation)}` answers."
        )

    def error(self, shape: str) -> str:
        """Return the exception class of a modelled error."""
        members = [wire for wire in self.shapes[shape]["members"] if wire.lower() != "message"]
        lines = [
            f"class {shape}(ServiceError):",
            docstring(self.words.of("errors", shape), 4),
            "",
            f'    code = "{shape}"',
        ]
        if members:
            table = ", ".join(f'"{wire}": "{snake(wire)}"' for wire in members)
            lines.append(f"    members: ClassVar[Mapping[str, str]] = {{{table}}}")
        for wire in members:
            kind = PLAIN[self.shapes[self.shapes[shape]["members"][wire]]["type"]]
            words = self.words.of_field("errors", shape, "members", wire)
            lines += ["", f"    {snake(wire)}: {kind} | None", docstring(words, 4)]
        return "\n".join(lines)

    def operation(self, name: str) -> str:
        """Return an operation: its types, its constant, its function, its pager."""
        definition = self.operations[name]
        request, response = definition["input"], definition["output"]
        exclusive = self.words.exclusive(name)
        rule = ""
        if exclusive:
            others = ", ".join(f'"{snake(other)}"' for other in exclusive[1])
            rule = f', exclusive=("{snake(exclusive[0])}", ({others},))'
        if any(self.shapes[shape]["type"] == "blob" for shape in self._reached_from("input", name)):
            rule += ", heavy=True"
        errors = "".join(f"{error}, " for error in definition["errors"])
        constant = snake(name).upper()
        blocks = [
            self.structure(request),
            self.structure(response),
            f'{constant} = Operation("{name}", {request}, {response}, errors=({errors}){rule})',
            f'async def {snake(name)}(service: "Service", request: {request}) -> {response}:\n'
            + docstring(self._function_words(name), 4)
            + f"\n    return await service.call({constant}, request)",
        ]
        if self._is_paginated(name):
            blocks.append(self.pager(name))
        return "\n\n\n".join(blocks)

    def _function_words(self, name: str) -> str:
        raises = [
            f"    {error}: {self._as_clause(self.words.of('errors', error))}"
            for error in self.operations[name]["errors"]
        ]
        wrapped = [
            textwrap.fill(line, WIDTH - 4, subsequent_indent=" " * 8, break_on_hyphens=False)
            for line in raises
        ]
        return "\n\n".join(
            (
                self.words.of("operations", name),
                "Raises:\n" + "\n".join(f"    {w.strip()}" for w in wrapped),
                f"See {REFERENCE.format(name)}",
            )
        )

    @staticmethod
    def _as_clause(sentence: str) -> str:
        return " ".join(sentence.split())

    # ------------------------------------------------------------------ pagination

    def _is_paginated(self, name: str) -> bool:
        definition = self.operations[name]
        return all("nextToken" in self.shapes[definition[side]]["members"] for side in ("input", "output"))

    def _results(self, name: str) -> list[list[str]]:
        """Return the paths of the lists that a page holds."""
        definition = self.operations[name]
        keys = definition.get("result_key")
        if keys is None:
            members = self.shapes[definition["output"]]["members"]
            keys = [wire for wire, target in members.items() if self.shapes[target]["type"] == "list"]
        paths = [key.split(".") for key in ([keys] if isinstance(keys, str) else keys)]
        if not paths:
            raise SystemExit(f"{name} has pages, but no list in them")
        return paths

    def _at(self, shape: str, path: list[str]) -> str:
        for wire in path:
            shape = self.shapes[shape]["members"][wire]
        return shape

    def pager(self, name: str) -> str:
        """Return the paginate_ function of an operation."""
        definition = self.operations[name]
        request, response = definition["input"], definition["output"]
        paths = self._results(name)
        members = (self.shapes[self._at(response, path)]["member"] for path in paths)
        items = " | ".join(self.annotation(member, sent=False) for member in members)
        if len(paths) == 1 and len(paths[0]) == 1:
            get = f"lambda page: page.{snake(paths[0][0])}"
        else:
            holder = snake(paths[0][0])
            parts = ", ".join(f"*page.{holder}.{snake(path[1])}" for path in paths)
            get = f"lambda page: ({parts}) if page.{holder} else ()"
        words = (
            f"Go through all pages of `{snake(name)}`: `async for` gives the items, `.pages()` the responses.\n\n"
            f"Stops after `max_items` items, if given. `resume_token` goes on where a pager's `resume_token` says "
            f"that it stopped. The next page is fetched while you work on this one.\n\n"
            f"Raises what `{snake(name)}` raises, and `PaginationError` when the service repeats a token."
        )
        return "\n".join(
            (
                f"def paginate_{snake(name)}(",
                f'    service: "Service", request: {request}, *, max_items: int | None = None, resume_token: str | None = None',
                f") -> Pager[{request}, {response}, {items}]:",
                docstring(words, 4),
                f"    return Pager({snake(name)}, service, request, {get}, max_items, resume_token)",
            )
        )

    # ------------------------------------------------------------------ modules

    def _names(self, family: str) -> dict[str, list[str]]:
        """Return what a family's module defines, by kind, in order of definition."""
        shapes = sorted(self.sent | self.received)
        errors = sorted({error for operation in self.operations.values() for error in operation["errors"]})
        return {
            "aliases": [s for s in self._in_order(shapes) if self.has_alias(s) and self.family(s) == family],
            "errors": [e for e in errors if self.words.home(e) == family],
            "types": [
                s
                for s in self._in_order(shapes)
                if self._is_class(s) and s not in self.parts and self.family(s) == family
            ],
            "operations": [o for o in self.operations if self.words.home(o) == family],
        }

    def _in_order(self, shapes: list[str]) -> list[str]:
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in ordered:
                for target in self._targets(name):
                    visit(target)
                ordered[name] = None

        for shape in shapes:
            visit(shape)
        return [name for name in ordered if name in set(shapes)]

    def public(self, family: str) -> list[str]:
        """Return the public names of a family."""
        names = self.names[family]
        result = [
            *names["errors"],
            *names["types"],
            *(a for a in names["aliases"] if "enum" in self.shapes[a]),
        ]
        for operation in names["operations"]:
            definition = self.operations[operation]
            result += [snake(operation), definition["input"], definition["output"]]
            if self._is_paginated(operation):
                result.append(f"paginate_{snake(operation)}")
        return sorted(result)

    def module(self, family: str) -> str:
        """Return the text of a family's module."""
        names = self.names[family]
        definitions = []
        definitions += [
            self._alias_or_class(shape) for shape in self._in_order([*names["aliases"], *names["types"]])
        ]
        definitions += [self.error(error) for error in names["errors"]]
        definitions += [self.operation(operation) for operation in names["operations"]]
        body = "\n\n\n".join(definitions)
        return "\n".join(
            (
                self._first_line(f"tools/api/{family}.toml"),
                docstring(self.words.of_module(family)),
                "",
                self._imports(family, body),
                "",
                "__all__ = [" + ", ".join(f'"{name}"' for name in self.public(family)) + "]",
                "",
                body,
                "",
            )
        )

    def _alias_or_class(self, shape: str) -> str:
        return self.structure(shape) if self._is_class(shape) else self.alias(shape)

    def _imports(self, family: str, body: str) -> str:
        def used(name: str) -> bool:
            return re.search(rf"(?<![\w\"]){name}\b", re.sub(r'""".*?"""', "", body, flags=re.S)) is not None

        standard = {
            "collections.abc": ["Mapping", "Sequence"],
            "datetime": ["datetime"],
            "typing": ["Annotated", "ClassVar", "Literal", "TypeAlias"],
        }
        lines = []
        for module, names in standard.items():
            wanted = [name for name in names if used(name)]
            if module == "typing" and used("async def"):
                wanted = ["TYPE_CHECKING", *wanted]
            if wanted:
                lines.append(f"from {module} import {', '.join(wanted)}")
        lines += ["", "import attrs" if used("attrs") else "", ""]
        others: dict[str, list[str]] = {}
        for other in self.words.families:
            defined = [n for kind in ("aliases", "errors", "types") for n in self.names[other][kind]]
            wanted = sorted(name for name in defined if other != family and used(name))
            if wanted:
                others[other] = wanted
        lines += [
            f"from ecr_async.api.{other} import {', '.join(wanted)}" for other, wanted in others.items()
        ]
        if used("ServiceError"):
            lines.append("from ecr_async.errors import ServiceError")
        core = [name for name in ("Limit", "Operation") if used(name)]
        if core:
            lines.append(f"from ecr_async.operation import {', '.join(core)}")
        if used("Pager"):
            lines.append("from ecr_async.pagination import Pager")
        if used("Record"):
            lines.append("from ecr_async.record import Record")
        if used("async def"):
            lines += ["", "if TYPE_CHECKING:", "    from ecr_async.service import Service"]
        return "\n".join(lines)

    def _first_line(self, source: str) -> str:
        return f"# Generated by tools/generate.py from tools/model.json and {source}. Do not edit: run `make generate`."

    def index(self) -> str:
        """Return the text of api/__init__.py, which loads a family when one of its names is used."""
        families = [family for family in self.words.families if self.public(family)]
        homes = {name: family for family in families for name in self.public(family)}
        imports = [
            f"    from ecr_async.api.{family} import {', '.join(self.public(family))}" for family in families
        ]
        return "\n".join(
            (
                self._first_line("tools/api/"),
                docstring(
                    "The API's operations, types and errors, one module a resource family.\n\n"
                    f"ECR's API version 2015-09-21 as botocore {self.version} knows it: {len(self.operations)} operations. "
                    "A family is loaded when one of its names is first used."
                ),
                "",
                "from typing import TYPE_CHECKING, Any",
                "",
                "from ecr_async.errors import ServiceError",
                "from ecr_async.lazy import lazily",
                "",
                "if TYPE_CHECKING:",
                *imports,
                "",
                "__all__ = [" + ", ".join(f'"{name}"' for name in sorted(homes)) + "]",
                "",
                "HOMES = {",
                *(f'    "{name}": "{family}",' for name, family in sorted(homes.items())),
                "}",
                '"""Which family defines a name."""',
                "",
                "_load = lazily(__name__, HOMES)",
                "",
                "if not TYPE_CHECKING:  # a checker that saw it would believe in every name",
                "    __getattr__ = _load",
                "",
                "",
                "def __dir__() -> list[str]:",
                "    return sorted({*globals(), *HOMES})",
                "",
                "",
                "def error_named(code: str) -> type[ServiceError] | None:",
                '    """Return the class of a modelled error, of whichever family."""',
                "    found: Any = _load(code) if code in HOMES else None",
                "    return found if isinstance(found, type) and issubclass(found, ServiceError) else None",
                "",
            )
        )

    def files(self) -> dict[Path, str]:
        """Return every generated file and its text, formatted."""
        texts = {TARGET / f"{family}.py": self.module(family) for family in self.words.families}
        texts[TARGET / "__init__.py"] = self.index()
        return {path: _formatted(text, path) for path, text in texts.items()}


def _quoted(pattern: str) -> str:
    return f'"{pattern}"' if '"' not in pattern else f"'{pattern}'"


def _formatted(text: str, path: Path) -> str:
    for command in (["check", "--fix", "--quiet", "--select", "I,RUF022,F401"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def main() -> int:
    """Write, or check, ecr_async/api/."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the files are stale")
    parser.add_argument("--draft", action="store_true", help="write also where words are missing")
    arguments = parser.parse_args()
    words = Words.read()
    files = Generator(json.loads(MODEL.read_text()), words).files()
    if words.missing and not arguments.draft:
        print(*sorted(set(words.missing)), sep="\n")
        print(f"{len(set(words.missing))} things of the model have no words in tools/api/*.toml")
        return 1
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in TARGET.glob("*.py") if path not in files]
    if arguments.check:
        print(*(f"stale: {path.relative_to(ROOT)}" for path in stale), sep="\n", end="\n" if stale else "")
        return 1 if stale else 0
    TARGET.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
    print(f"{len(files)} modules, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

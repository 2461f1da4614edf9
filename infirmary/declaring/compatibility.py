"""Checks that whoever holds one JSON Schema can read everything that another describes. Pure.

It knows what pydantic makes of a message class: `$ref` and `$defs`, `anyOf`, `enum` and `const`, formats, limits, lists
and maps. A keyword that it does not know must be the same on both sides: a doubt is a misfit.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infirmary.declaring.describe import Definitions, Schema, definition_name, phrase
from infirmary.declaring.schemas import ENDS

Kind = Literal["missing", "optional", "unexpected", "type"]

_ANNOTATIONS = {
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "discriminator",
    "$defs",
    "$schema",
    "$comment",
    ENDS,
}
_STRUCTURE = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems"}
_LOWER_LIMITS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER_LIMITS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """A place where something may be written that cannot be read.

    Attributes:
        path: The field, `lines[].quantity` for one inside; empty for the whole.
        kind: `missing`: needed, but never there. `optional`: needed, but not always there. `unexpected`: there, but
            forbidden. `type`: of another kind.
        written: What is written, in words.
        read: What can be read, in words.
    """

    path: str
    kind: Kind
    written: str
    read: str


def misfits(written: Schema, read: Schema) -> list[Misfit]:
    """Returns every place where what `written` describes does not satisfy `read`; none if all of it can be read.

    A writer adds no field that its schema does not name; a reader ignores those that its own does not name.
    """
    return list(_Comparison(written.get("$defs", {}), read.get("$defs", {})).compare(written, read, ""))


class _Comparison:
    def __init__(self, written_definitions: Definitions, read_definitions: Definitions) -> None:
        self.written_definitions, self.read_definitions = written_definitions, read_definitions
        self.under_comparison: set[str] = set()

    def compare(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        # A type that holds itself comes back to a pair under comparison: then it fits, unless something else does not.
        pair = json.dumps([written, read], sort_keys=True)
        if pair in self.under_comparison:
            return
        self.under_comparison.add(pair)
        try:
            yield from self._compare(written, read, path)
        finally:
            self.under_comparison.discard(pair)

    def _compare(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        readable = alternatives(read, self.read_definitions)
        unfit = [
            alternative
            for alternative in alternatives(written, self.written_definitions, split_values=True)
            if not any(self._fits(alternative, other) for other in readable)
        ]
        if not unfit:
            return
        same_structure = [other for other in readable if other.get("type") == unfit[0].get("type")]
        if len(unfit) == len(same_structure) == 1 and unfit[0].get("type") in ("object", "array"):
            yield from self._simple(unfit[0], same_structure[0], path)
        else:
            yield self._misfit(written, read, path)

    def _fits(self, written: Schema, read: Schema) -> bool:
        return next(self._simple(written, read, ""), None) is None

    def _simple(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        """Compares two schemas that have no alternatives in them."""
        if not (_type_fits(written, read) and _values_fit(written, read) and _limits_fit(written, read)):
            yield self._misfit(written, read, path)
        elif read.get("type") == "object":
            yield from self._object(written, read, path)
        elif read.get("type") == "array":
            yield from self._array(written, read, path)

    def _object(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        fields, wanted = written.get("properties", {}), read.get("properties", {})
        always, needed = set(written.get("required", ())), list(read.get("required", ()))
        for name in [*wanted, *(name for name in needed if name not in wanted)]:
            field, want = fields.get(name), wanted.get(name, {})
            at = f"{path}.{name}" if path else name
            if field is None and name in needed:
                yield Misfit(at, "missing", "nothing", phrase(want, self.read_definitions))
            elif field is not None and name in needed and name not in always:
                yield self._misfit(field, want, at, "optional")
            elif field is not None:
                yield from self.compare(field, want, at)
            elif written.get("additionalProperties", False) is not False:
                yield from self.compare(_rest(written), want, at)
        yield from self._other_fields(written, read, path)

    def _other_fields(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        if read.get("additionalProperties", True) is True:
            return
        others = {
            name: field
            for name, field in written.get("properties", {}).items()
            if name not in read.get("properties", {})
        }
        if written.get("additionalProperties", False) is not False:
            others["*"] = _rest(written)
        for name, field in others.items():
            at = f"{path}.{name}" if path else name
            if read["additionalProperties"] is False:
                yield self._misfit(field, {}, at, "unexpected")
            else:
                yield from self.compare(field, read["additionalProperties"], at)

    def _array(self, written: Schema, read: Schema, path: str) -> Iterator[Misfit]:
        firsts, first_wants = written.get("prefixItems", ()), read.get("prefixItems", ())
        for position in range(max(len(firsts), len(first_wants))):
            first = firsts[position] if position < len(firsts) else written.get("items", {})
            want = first_wants[position] if position < len(first_wants) else read.get("items", {})
            yield from self.compare(first, want, f"{path}[{position}]")
        items = written.get("items", {})
        if written.get("maxItems") != len(firsts) and items is not False:
            yield from self.compare(items, read.get("items", {}), f"{path}[]")

    def _misfit(self, written: Schema, read: Schema, path: str, kind: Kind = "type") -> Misfit:
        return Misfit(path, kind, phrase(written, self.written_definitions), phrase(read, self.read_definitions))


def alternatives(schema: Schema, definitions: Definitions, split_values: bool = False) -> list[Schema]:
    """Returns the schemas of which a value satisfies one, none of them with a reference or alternatives of its own.

    Args:
        schema: Any schema.
        definitions: What its references lead to.
        split_values: Whether each value of an enumeration is an alternative.
    """
    beside = dict(schema)
    if "$ref" in schema:
        beside.pop("$ref")
        return alternatives({**definitions[definition_name(schema)], **beside}, definitions, split_values)
    for keyword in ("anyOf", "oneOf"):
        if keyword in beside:
            options = [{**beside, **option} for option in beside.pop(keyword)]
            return [simple for option in options for simple in alternatives(option, definitions, split_values)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    if split_values and "enum" in schema:
        values = beside.pop("enum")
        return [{**beside, "const": value} for value in values]
    return [schema]


def _type_fits(written: Schema, read: Schema) -> bool:
    wanted = read.get("type")
    return wanted is None or written.get("type") == wanted or (written.get("type") == "integer" and wanted == "number")


def _values_fit(written: Schema, read: Schema) -> bool:
    accepted = read.get("enum", [read["const"]] if "const" in read else None)
    if accepted is None:
        return True
    return "const" in written and json.dumps(written["const"]) in {json.dumps(value) for value in accepted}


def _limits_fit(written: Schema, read: Schema) -> bool:
    return all(
        _limit_fits(name, written.get(name), limit)
        for name, limit in read.items()
        if name not in _STRUCTURE | _ANNOTATIONS
    )


def _limit_fits(name: str, written: Any, read: Any) -> bool:
    if name in _LOWER_LIMITS:
        return written is not None and bool(written >= read)
    if name in _UPPER_LIMITS:
        return written is not None and bool(written <= read)
    return bool(written == read)


def _rest(schema: Schema) -> Schema:
    rest = schema["additionalProperties"]
    return rest if isinstance(rest, Mapping) else {}

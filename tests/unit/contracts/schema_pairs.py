"""Schemas as message classes have them, their relatives, and values that they let through."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Schema = dict[str, Any]

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
"""What matters is that a property holds, not how quickly an example is made."""

NAMES = ("patient_id", "quantity", "lines", "reason")
DEFINITIONS: Schema = {
    "Kind": {"enum": ["admission", "prescription"], "type": "string"},
    "Line": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}]}}},
}

LEAVES: tuple[Schema, ...] = (
    {},
    {"type": "string"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "enum": ["open", "posted"]},
    {"type": "string", "enum": ["open", "posted", "voided"]},
    {"type": "string", "const": "open"},
    {"type": "string", "minLength": 1, "maxLength": 3},
    {"type": "integer"},
    {"type": "integer", "minimum": 1, "maximum": 9},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"]},
    {"$ref": "#/$defs/Kind"},
    {"$ref": "#/$defs/Line"},
)


@st.composite
def objects(draw: st.DrawFn, fields: SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), fields, max_size=3))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {"type": "object", "properties": properties, "required": required}


def _composed(inner: SearchStrategy[Schema]) -> SearchStrategy[Schema]:
    return st.one_of(
        objects(inner),
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda value: {"type": "object", "additionalProperties": value}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
    )


fields = st.recursive(st.sampled_from(LEAVES), _composed, max_leaves=4)
messages = objects(fields).map(lambda schema: {"$defs": DEFINITIONS, **schema})


@st.composite
def relatives(draw: st.DrawFn, schema: Schema) -> Schema:
    """A schema that differs from this one here and there; often it reads what this one writes, often it does not."""
    relative: Schema = dict(schema)
    if "properties" in schema:
        kept = [name for name in schema["properties"] if draw(st.integers(0, 3))]
        relative["properties"] = {name: draw(relatives(schema["properties"][name])) for name in kept}
        relative["required"] = [name for name in kept if name in schema["required"] or not draw(st.integers(0, 7))]
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            relative[keyword] = draw(relatives(schema[keyword]))
    if "anyOf" in schema:
        relative["anyOf"] = [draw(relatives(option)) for option in schema["anyOf"]]
    if "$defs" not in schema:
        if not draw(st.integers(0, 4)):
            return {"anyOf": [relative, draw(fields)]}
        if not draw(st.integers(0, 7)):
            return draw(fields)
    return relative


def values(schema: Schema, depth: int = 0) -> SearchStrategy[Any]:
    """Values that a schema lets through. A writer writes the fields it has, so an object has no others."""
    if "$ref" in schema:
        return values(DEFINITIONS[schema["$ref"].rsplit("/", 1)[-1]], depth + 1)
    if "anyOf" in schema:
        options = schema["anyOf"] if depth < 3 else schema["anyOf"][-1:]
        return st.one_of([values(option, depth) for option in options])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([values({"type": one}) for one in kind])
    return _values_of_type(schema, kind, depth)


def _values_of_type(schema: Schema, kind: str | None, depth: int) -> SearchStrategy[Any]:
    match kind:
        case "string" if schema.get("format") == "uuid":
            return st.uuids().map(str)
        case "string":
            return st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 5))
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "array":
            return st.lists(values(schema["items"], depth), max_size=3)
        case "object" if "additionalProperties" in schema:
            return st.dictionaries(st.sampled_from(NAMES), values(schema["additionalProperties"], depth))
        case "object":
            always = set(schema.get("required", ()))
            fields = {name: values(field, depth) for name, field in schema["properties"].items()}
            return st.fixed_dictionaries(
                {name: value for name, value in fields.items() if name in always},
                optional={name: value for name, value in fields.items() if name not in always},
            )
    simple = {"number": st.floats(allow_nan=False, allow_infinity=False), "boolean": st.booleans(), "null": st.none()}
    return simple[kind] if kind else st.one_of(list(simple.values()))

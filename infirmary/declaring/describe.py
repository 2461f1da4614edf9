"""Says in a few words what a JSON Schema lets through. Pure."""

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
Definitions = Mapping[str, Schema]


def phrase(schema: Schema, definitions: Definitions) -> str:
    """Returns for example `uuid`, `string or null`, `"done" or "refused"`, `list of Line`."""
    if "$ref" in schema:
        name = definition_name(schema)
        target = definitions.get(name, {})
        return name if "properties" in target else phrase(target, definitions)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _either(phrase(alternative, definitions) for alternative in schema[keyword])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _either(json.dumps(value) for value in schema["enum"])
    return _typed(schema, definitions)


def definition_name(schema: Schema) -> str:
    """Returns the name behind `$ref`, which in the schemas of messages always leads to `$defs`."""
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _typed(schema: Schema, definitions: Definitions) -> str:
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return _either(kind)
    if kind == "array":
        return f"list of {phrase(schema.get('items', {}), definitions)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map to {phrase(schema['additionalProperties'], definitions)}"
    name = str(schema.get("format", kind))
    limits = [f"{word} {schema[word]}" for word in _LIMITS if word in schema]
    return f"{name} ({', '.join(limits)})" if limits else name


_LIMITS = (
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "multipleOf",
)


def _either(words: Any) -> str:
    *first, last = list(dict.fromkeys(words))
    return f"{', '.join(first)} or {last}" if first else str(last)

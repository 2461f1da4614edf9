"""One form of sections: its values, where they stand, and the pattern by which others of the form are known. Pure."""

import re
from typing import Final, NamedTuple

from infirmary_relay.headers.allowed import ONE_BY_ONE, check_pair, check_properties
from infirmary_streams import amqp10
from infirmary_streams.amqp10 import Part
from infirmary_streams.errors import NonsenseError
from infirmary_streams.sections import APP_ID

_ORDER: Final = (amqp10.ANNOTATIONS, amqp10.PROPERTIES, amqp10.APPLICATION)
_SOURCE, GROUP_ID = APP_ID.encode(), 10
"""The two places that name the source: an application property, and which of the properties."""


class Found(NamedTuple):
    """A value, by the group of the pattern that it is; None for one that is the same in every message of the form."""

    part: Part
    group: int | None


class Form(NamedTuple):
    """What sections of the same types, lengths and source have in common; `plain` and `pattern` match all of them."""

    plain: re.Pattern[bytes]
    """The same without groups, which is quicker."""
    pattern: re.Pattern[bytes]
    annotations: dict[bytes, Found]
    properties: list[Found]
    application: dict[bytes, Found]
    first: bytes
    """The sections that were read."""

    @property
    def sources(self) -> set[str]:
        """Whom the sections name as their writer: one service, none, or two where their two places differ."""
        named = [self.application.get(_SOURCE), *self.properties[GROUP_ID : GROUP_ID + 1]]
        parts = [found.part for found in named if found is not None and found.part.kind != amqp10.NULL]
        return {self.first[part.begin : part.end].decode(errors="replace") for part in parts}


def form_of(sections: bytes) -> Form:
    """Reads sections.

    Raises:
        NonsenseError: They cannot be read, or are others than docs/outbox-contract.md has, or in another order.
    """
    cuts: list[Part] = []

    def found(part: Part, *, is_constant: bool = False) -> Found:
        if is_constant or part.begin == part.end:
            return Found(part, None)
        cuts.append(part)
        return Found(part, len(cuts))

    maps: dict[int, dict[bytes, Found]] = {amqp10.ANNOTATIONS: {}, amqp10.APPLICATION: {}}
    properties: list[Found] = []
    last = -1
    if not sections:
        raise NonsenseError("it is empty")
    for number, value in amqp10.sections(sections):
        if number not in _ORDER or _ORDER.index(number) <= last:
            raise NonsenseError(f"section {number:#x} in the wrong place")
        last = _ORDER.index(number)
        parts = amqp10.elements(sections, value)
        if number == amqp10.PROPERTIES:
            check_properties(parts)
            properties = [found(part, is_constant=at == GROUP_ID) for at, part in enumerate(parts)]
            continue
        if value.kind not in (0xC1, 0xD1):
            raise NonsenseError(f"section {number:#x} is no map")
        for key, part in zip(parts[::2], parts[1::2], strict=True):
            name = sections[key.begin : key.end]
            check_pair(number, key, name, sections[part.begin : part.end], part)
            maps[number][name] = found(part, is_constant=part.kind in ONE_BY_ONE or name == _SOURCE)
    plain = grouped = b""
    at = 0
    for begin, end in ((part.begin, part.end) for part in cuts):
        literal, width = re.escape(sections[at:begin]), b".{%d}" % (end - begin)
        plain, grouped = plain + literal + width, grouped + literal + b"(" + width + b")"
        at = end
    rest = re.escape(sections[at:])
    patterns = re.compile(plain + rest, re.DOTALL), re.compile(grouped + rest, re.DOTALL)
    return Form(*patterns, maps[amqp10.ANNOTATIONS], properties, maps[amqp10.APPLICATION], sections)

"""Sections of version 2: known to be well made, and what they are as a content header of AMQP 0-9-1.

A broker takes whatever stands in a message of its stream protocol, and fails later, before each reader of AMQP 0-9-1.
So no message goes out whose sections cannot be read. To read each would cost more than to send it; but nearly all have
one of a few forms: the same types and lengths, other values. The first of a form is read; what is found becomes a
pattern, in which structure is literal and values are groups, and the next are only compared with that.
"""

from collections.abc import Callable
from typing import Final

from infirmary_relay.headers.content_header import header_prefix
from infirmary_relay.headers.form import Form, form_of
from infirmary_relay.headers.template import Template, template_of
from infirmary_streams.errors import NonsenseError

_MOST_FORMS: Final = 4096
_MOST_OF_A_LENGTH: Final = 8


class Forms:
    """The forms that have been met."""

    def __init__(self, service: str | None = None) -> None:
        """Takes whom messages have to name as their source if they name any; None lets every source pass."""
        self._service = service
        self._forms: dict[int, list[Form]] = {}
        self._templates: dict[int, Template] = {}
        self._recent: Callable[[bytes], object] | None = None

    def check_source(self, source: str | None) -> None:
        """Makes sure that a message speaks for nobody else.

        Raises:
            ValueError: It names another service as its source.
        """
        if self._service is not None and source not in (None, self._service):
            raise ValueError(f"its source is {source!r:.80}, and the relay of {self._service} sends nothing for others")

    def check_all(self, sections: list[bytes]) -> None:
        """The same as `check` of each.

        Raises:
            ValueError: Some cannot be read.
        """
        recent = self._recent
        for each in sections if recent is None else [each for each in sections if not recent(each)]:
            self.check(each)

    def check(self, sections: bytes) -> None:
        """Makes sure that sections can be read.

        Raises:
            ValueError: They cannot, or are others than docs/outbox-contract.md has, or in another order, or another
                service is their source.
        """
        for form in self._forms.get(len(sections), ()):
            if form.plain.fullmatch(sections):
                break
        else:
            form = self._learn(sections)
        self._recent = form.plain.fullmatch

    def content_header(self, sections: bytes, body_bytes: int) -> bytes:
        """The payload of the content header frame that says the same.

        Raises:
            ValueError: They cannot be read, hold what not every reader by AMQP 0-9-1 can be shown, or name another
                service as their source.
        """
        for form in self._forms.get(len(sections), ()):
            match = form.pattern.fullmatch(sections)
            if match:
                break
        else:
            form = self._learn(sections)
            match = form.pattern.fullmatch(sections)
        template = self._templates.get(id(form))
        if template is None:
            self._templates[id(form)] = template = template_of(form)
        return header_prefix(body_bytes) + template.filled(match)

    def _learn(self, sections: bytes) -> Form:
        try:
            form = form_of(sections)
        except NonsenseError as nonsense:
            raise ValueError(f"its header is none of the outbox contract: {nonsense}") from nonsense
        for source in form.sources:
            self.check_source(source)
        if sum(map(len, self._forms.values())) >= _MOST_FORMS:
            self._forms.clear()
            self._templates.clear()
        alike = self._forms.setdefault(len(sections), [])
        if len(alike) == _MOST_OF_A_LENGTH:
            self._templates.pop(id(alike.pop(0)), None)
        alike.append(form)
        return form

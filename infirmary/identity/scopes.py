"""What a caller has to be allowed to, as each endpoint declares it. Pure."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infirmary.identity.caller import Caller
from infirmary.identity.refusal import insufficient_scope

_SCOPE: Final = re.compile(r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Needed:
    """What an endpoint asks of its callers.

    Raises:
        ValueError: It asks for nothing that could be a scope.
    """

    scope: str
    without: Mapping[str, str] = field(default_factory=dict)
    """The scope in its place while a parameter is not given: a list of no one patient in particular shows all."""

    def __post_init__(self) -> None:
        for each in self.all:
            if not isinstance(each, str) or not _SCOPE.fullmatch(each):
                raise ValueError(f"should name the scope that it asks for, like patients:read, and not {each!r}")

    @property
    def all(self) -> tuple[str, ...]:
        """Every scope that may be asked for, the least first."""
        return (self.scope, *self.without.values())

    def enough(self, given: Container[str]) -> tuple[str, ...]:
        """Returns the scopes each of which is enough for a request.

        Args:
            given: The names of its parameters that have a value.
        """
        wider = tuple(scope for parameter, scope in self.without.items() if parameter not in given)
        return wider or self.all

    def security(self, scheme: str) -> list[dict[str, list[Any]]]:
        """Returns it as OpenAPI says it: any of these will do."""
        return [{scheme: [scope]} for scope in self.all]

    def words(self) -> str:
        """Returns what OpenAPI has no words for: when the least of them is not enough."""
        return "".join(f"\n\nWithout `{name}` it takes the scope `{scope}`." for name, scope in self.without.items())


def check_allowed(caller: Caller, needed: Needed, given: Container[str]) -> None:
    """Makes sure that a caller may do what a request asks for.

    Raises:
        Refused: They may not.
    """
    enough = needed.enough(given)
    if caller.scopes.isdisjoint(enough):
        raise insufficient_scope(enough[0])

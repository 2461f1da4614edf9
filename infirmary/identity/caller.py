"""Who asks, as the provider of identities says it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a machine whose token was found good."""

    subject: str
    """What the provider calls them, the same for ever (`sub`)."""

    scopes: frozenset[str] = field(default_factory=frozenset)
    """What they may do."""

    roles: tuple[str, ...] = ()
    """What they are in the hospital. It decides nothing here: at the provider a role is a set of scopes."""

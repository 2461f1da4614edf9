"""A record as FHIR R4 has it: an AuditEvent, https://hl7.org/fhir/R4/auditevent.html. Pure."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from infirmary.identifiers import time_in
from services.audit.model import Record, readable

_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
_ENTITIES: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"

_ACTIONS: Final[dict[str, tuple[Literal["C", "R", "U", "D", "E"], str]]] = {
    "POST": ("C", "create"),
    "PUT": ("U", "update"),
    "DELETE": ("D", "delete"),
}
_READ: Final[tuple[Literal["R"], str]] = ("R", "read")
_PATIENT: Final = "Patient/"
_NOBODY_ASKED: Final = "callers are not asked who they are"
_UNKNOWN: Final = "not known: no good token came with the request"


class _Fhir(BaseModel):
    """FHIR knows neither null nor an empty list: what is not there is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    media_type: ClassVar[str] = "application/fhir+json"

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value not in (None, [])}


class Coding(_Fhir):
    """One word of a list of words."""

    system: str
    code: str
    display: str | None = None


_REST: Final = Coding(system=_TYPES, code="rest", display="RESTful Operation")


class Concept(_Fhir):
    """A word in free text."""

    text: str


class Identifier(_Fhir):
    """What somebody is called by."""

    value: str


class Reference(_Fhir):
    """Whom or what is meant."""

    reference: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Network(_Fhir):
    """Where a request came from; `2` is an address of the Internet Protocol."""

    address: str
    type: Literal["2"] = "2"


class Agent(_Fhir):
    """Who asked."""

    who: Reference
    role: list[Concept] | None = Field(default=None, description="what they are in the hospital")
    requestor: bool = True
    network: Network | None = None


class Source(_Fhir):
    """Who tells it: a service of the hospital."""

    observer: Reference


class Detail(_Fhir):
    """Something else that is known."""

    type: str
    valueString: str  # noqa: N815 - FHIR's name


class Entity(_Fhir):
    """What was asked for, or of whom."""

    what: Reference | None = None
    type: Coding
    role: Coding | None = None
    name: str | None = None
    detail: list[Detail] | None = None


class AuditEvent(_Fhir):
    """Who did or saw what of which patient, when, from where, and with which result."""

    resourceType: Literal["AuditEvent"] = "AuditEvent"  # noqa: N815
    id: UUID
    type: Coding
    subtype: list[Coding] | None = None
    action: Literal["C", "R", "U", "D", "E"]
    recorded: datetime
    outcome: Literal["0", "4", "8"] = Field(description="0: it went well; 4: refused; 8: it failed")
    outcomeDesc: str = Field(description="the status that was answered")  # noqa: N815
    agent: list[Agent]
    source: Source
    entity: list[Entity] | None = None

    @property
    def patient_id(self) -> UUID | None:
        """The patient whom it is about, if it is one: to read it is on record as of them."""
        named = (each.what.reference for each in self.entity or () if each.what is not None)
        return next((UUID(each.removeprefix(_PATIENT)) for each in named if each is not None), None)


class Link(_Fhir):
    """Where the next page is."""

    relation: Literal["next"] = "next"
    url: str


class Entry(_Fhir):
    """One of those found."""

    resource: AuditEvent


class Bundle(_Fhir):
    """A page of what was found, the oldest first."""

    tells_of_persons: ClassVar[bool] = True

    resourceType: Literal["Bundle"] = "Bundle"  # noqa: N815
    type: Literal["searchset"] = "searchset"
    link: list[Link] | None = Field(default=None, description="none on the last page")
    entry: list[Entry] | None = Field(default=None, description="none where nothing was found")


def event(access_id: UUID, record: str) -> AuditEvent:
    """Returns a record; of one that cannot be read, that it is there.

    Args:
        access_id: By which it is found.
        record: Its canonical text.
    """
    said = readable(record)
    if said is None:
        return _unreadable(access_id)
    action, interaction = _ACTIONS.get(said.method, _READ)
    if interaction == "read" and said.several:
        interaction = "search-type"
    return AuditEvent(
        id=access_id,
        type=_REST,
        subtype=[Coding(system=_INTERACTIONS, code=interaction)],
        action=action,
        recorded=said.at,
        outcome="0" if said.status < 400 else "4" if said.status < 500 else "8",
        outcomeDesc=str(said.status),
        agent=[_agent(said)],
        source=Source(observer=Reference(display=said.service)),
        entity=list(_entities(said)),
    )


def _unreadable(access_id: UUID) -> AuditEvent:
    nobody = Agent(who=Reference(display="not known"), requestor=False)
    return AuditEvent(
        id=access_id,
        type=_REST,
        subtype=[],
        action="E",
        recorded=datetime.fromtimestamp(time_in(access_id) or 0.0, UTC),
        outcome="8",
        outcomeDesc="this record is not what a service tells: `verify` says where it is",
        agent=[nobody],
        source=Source(observer=Reference(display="audit")),
        entity=[],
    )


def _agent(said: Record) -> Agent:
    if said.caller is not None:
        who = Reference(identifier=Identifier(value=said.caller))
    else:
        who = Reference(display=_UNKNOWN if said.identified else _NOBODY_ASKED)
    roles = [Concept(text=role) for role in said.roles]
    return Agent(who=who, role=roles or None, network=Network(address=said.address))


def _entities(said: Record) -> list[Entity]:
    details = [Detail(type="scope", valueString=said.scope)]
    details.append(Detail(type="correlation_id", valueString=said.correlation_id))
    if said.several:
        details.append(Detail(type="patients", valueString="perhaps several"))
    asked_for = Entity(
        type=Coding(system=_ENTITIES, code="2", display="System Object"),
        name=f"{said.method} {said.route}",
        detail=details,
    )
    if said.person is None:
        return [asked_for]
    patient = Entity(
        what=Reference(reference=f"{_PATIENT}{said.person}"),
        type=Coding(system=_ENTITIES, code="1", display="Person"),
        role=Coding(system=_ROLES, code="1", display="Patient"),
    )
    return [patient, asked_for]

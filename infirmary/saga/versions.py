"""The versions of a service's sagas: which declaration a saga goes by. Pure.

While two releases run side by side, one of them may not know what a saga of the other goes by. It leaves that saga
alone.
"""

from collections.abc import Sequence
from typing import Any

from infirmary.handlers import LeftToAnother
from infirmary.saga.definition import Saga
from infirmary.saga.state import SagaState


class UnknownVersion(LeftToAnother):
    """A saga goes by a declaration that this release does not have; one that has it carries the saga on."""


class KnownSagas:
    """The sagas that a release of a service knows, in each version that it declares.

    Attributes:
        newest: The newest version of each saga.
        declared: All versions of all sagas.
    """

    def __init__(self, sagas: Sequence[Saga[Any]]) -> None:
        """Takes the newest version of each saga, with those before it."""
        self.newest = tuple(sagas)
        self.declared = tuple(version for saga in sagas for version in saga.versions())
        self._declared = {(saga.name, saga.version): saga for saga in self.declared}
        self._newest = {saga.name: saga for saga in sagas}
        self._participants = {
            (saga.name, saga.version, step.asked_as(undo)): step.command.contract.peer
            for saga in self.declared
            for step in saga.steps
            for undo in (False, True)
        }

    def newest_of(self, name: str) -> Saga[Any]:
        """Returns the newest version of a saga that is known here."""
        return self._newest[name]

    def of(self, name: str, version: int, state: SagaState) -> Saga[Any]:
        """Returns the declaration that a saga goes by.

        Raises:
            UnknownVersion: It is not declared here, or under this number are other steps than the saga has.
        """
        found = self._declared.get((name, version))
        if found is None:
            raise UnknownVersion(
                f"the saga goes by version {version} of {name}, which this release does not know; a release that knows"
                " it carries it on"
            )
        declared, has = [step.name for step in found.steps], [step.name for step in state.steps]
        if declared != has:
            raise UnknownVersion(
                f"the saga has the steps {', '.join(has)}, and this release declares {', '.join(declared)} for version"
                f" {version} of {name}; steps change with a new version"
            )
        return found

    def participant(self, name: str, version: int, asked: str) -> str | None:
        """Returns the service that is asked for a step, or to undo it; None for a step that is not declared here.

        Args:
            name: The saga's name.
            version: Which declaration it goes by.
            asked: The step, as commands and replies carry it.
        """
        return self._participants.get((name, version, asked))

    def names_and_versions(self) -> tuple[list[str], list[int]]:
        """Returns what is known here, as two lists side by side."""
        return [saga.name for saga in self.declared], [saga.version for saga in self.declared]

"""A message of every type that one service forges in the name of another is held by each of its readers."""

from collections.abc import Iterator
from itertools import product
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from infirmary import registry
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.log_rules import LogRules
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Verdict
from infirmary.identifiers import new_id
from infirmary.messages import Reply
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.postgres.sagas.rows import SagaRows
from infirmary.postgres.transaction import Transaction
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import events_of, log_to, writer_of

SERVICES = registry.names()
SAGA = new_id()


def dispatcher_of(service: str) -> Dispatcher:
    orchestrator = orchestrator_of(service)
    return Dispatcher(registry.handlers_of(service), orchestrator.peers() if orchestrator else ())


def said(source: str, kind: str, body: bytes = b"{}") -> Incoming:
    return Incoming(new_id(), source, kind, str(SAGA), 1, None, None, None, body)


def types_in(service: str, log: str) -> set[str]:
    """Returns what a service takes from a log."""
    handlers, writer = registry.handlers_of(service), writer_of(log)
    if log == events_of(str(writer)):
        return {kind for source, kind in handlers.events if source == writer}
    asked = {name for name, (command, _) in handlers.commands.items() if command.contract.peer == writer}
    orchestrator = orchestrator_of(service)
    return asked | ({Reply.__name__} if orchestrator and writer in orchestrator.peers() else set())


READ = [
    (service, log, kind)
    for service in SERVICES
    for log in dispatcher_of(service).logs()
    for kind in sorted(types_in(service, log))
]


@pytest.mark.parametrize(("reader", "log", "kind"), READ)
def test_what_names_another_source_than_its_logs_writer_is_held(reader: str, log: str, kind: str) -> None:
    rules, writer = LogRules(log, Position(first_offset=0), 30), str(writer_of(log))
    assert rules.judge(rules.sequences({}), said(writer, kind)) is Verdict.APPLY
    for forger in {*SERVICES, f"{writer}2", writer.upper(), reader} - {writer}:
        for forged in (said(forger, kind), said(forger, kind, b"not even JSON")):
            assert not rules.has_place(forged)
            with pytest.raises(MalformedMessage, match=f"must have source {writer}"):
                rules.judge(rules.sequences({}), forged)


COMMANDS = [(service, kind) for service in SERVICES for kind in registry.handlers_of(service).commands]


@pytest.mark.parametrize(("participant", "kind"), COMMANDS)
def test_a_command_counts_only_from_the_service_whose_saga_it_is(participant: str, kind: str) -> None:
    dispatcher = dispatcher_of(participant)
    command, _ = registry.handlers_of(participant).commands[kind]
    for forger in {*SERVICES, command.contract.peer.upper()} - {command.contract.peer}:
        with pytest.raises(MalformedMessage, match=f"is {command.contract.peer}'s to ask for, and came from {forger}"):
            dispatcher.command(said(forger, kind))
    with pytest.raises(MalformedMessage, match="Field required"):  # so this one was looked into
        dispatcher.command(said(command.contract.peer, kind))


def steps() -> Iterator[tuple[str, str, int, str, str]]:
    """Gives each saga's steps and what undoes them, as replies name them, and whom they are asked of."""
    for service in SERVICES:
        orchestrator = orchestrator_of(service)
        for saga in orchestrator.sagas.declared if orchestrator else ():
            for step, undo in product(saga.steps, (False, True)):
                yield service, saga.name, saga.version, step.asked_as(undo), step.command.contract.peer


@pytest.mark.parametrize(("leader", "saga", "version", "step", "asked"), list(steps()))
def test_a_reply_counts_only_from_the_participant_of_its_step(
    leader: str, saga: str, version: int, step: str, asked: str
) -> None:
    orchestrator = orchestrator_of(leader)
    assert orchestrator is not None
    row = SimpleNamespace(name=saga, version=version)
    rows = cast("SagaRows", SimpleNamespace(of={SAGA: row}.get))
    answer = Reply(saga_id=UUID(int=SAGA.int), step=step, attempt=1, outcome="done")
    for forger in {*SERVICES, asked.upper()} - {asked}:
        with pytest.raises(MalformedMessage, match=f"{forger} answers step .* which is asked of {asked}"):
            orchestrator.replied(cast("Transaction", None), answer, rows, forger)
    assert orchestrator.sagas.participant(saga, version, step) == asked
    assert log_to(asked, leader) in dispatcher_of(leader).logs()

"""The names of logs, as the auditor reads them, say the same as the library's."""

import pytest

from audit.checks.forgotten_sagas import LEAST_REMEMBERED_S, forgotten
from audit.log_parts import counted, name_of, parsed, writer_of
from infirmary.identifiers import least_id_of
from infirmary.transport import log_names
from infirmary.transport.envelope import counted_in

NOW = 1_800_000_000.0


@pytest.mark.parametrize("part", [0, 1, 63])
@pytest.mark.parametrize(
    ("stem", "log"),
    [("ward", log_names.events_of("ward")), ("admission.to.ward", log_names.log_to("admission", "ward"))],
)
def test_a_log_and_its_parts_have_the_librarys_names(stem: str, log: str, part: int) -> None:
    name = log_names.part_name(log, part)
    assert name_of(stem, part) == name
    assert parsed(name) == (stem, part)
    assert stem == log_names.parsed(name).sequence_scope
    assert writer_of(stem) == log_names.parsed(name).writer


@pytest.mark.parametrize("name", ["ward", "ward.inbox", "ward.to", "ward.events.0", "ward.to.a.b", "x.ward.events", ""])
def test_nothing_else_is_the_name_of_a_log(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a log"):
        parsed(name)
    with pytest.raises(ValueError, match="is not the name of a log"):
        log_names.parsed(name)


def test_numbers_of_events_and_of_commands_are_told_apart() -> None:
    assert counted("admission", counted_in("admission.to.ward", "saga")) == ("admission.to.ward", "saga")
    assert counted("admission", "saga") == ("admission", "saga")
    assert counted("admission", "Ward 7 east") == ("admission", "Ward 7 east")


def saga(age_s: float) -> str:
    return str(least_id_of(NOW - age_s))


def test_a_reader_forgets_old_sagas_the_oldest_first() -> None:
    old, older, young = saga(2 * LEAST_REMEMBERED_S), saga(3 * LEAST_REMEMBERED_S), saga(0.5 * LEAST_REMEMBERED_S)
    assert forgotten(older, {old, young}, NOW)
    assert forgotten(old, (), NOW)
    assert not forgotten(old, {older}, NOW)
    assert not forgotten(young, (), NOW)
    assert not forgotten("penicillin", (), NOW)

"""What may happen to the beds of a ward, without a database."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Refused
from services.ward import model
from services.ward.messages import BedReleased, BedReserved, WardFurnished
from services.ward.model import Reservation, Ward

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATIENT = UUID(int=7)
ADMISSIONS = [UUID(int=number) for number in range(1, 7)]


def ward(beds: int, reserved: int = 0) -> Ward:
    return Ward("W1", "West", beds, reserved)


def reservation(admission_id: UUID) -> Reservation:
    return Reservation(admission_id, PATIENT, "W1", NOON)


def test_a_free_bed_is_reserved_for_the_admission() -> None:
    reserved = model.reserve(ward(beds=1), None, ADMISSIONS[0], PATIENT, NOON)
    assert reserved == BedReserved(ward_id="W1", admission_id=ADMISSIONS[0], patient_id=PATIENT, at=NOON)


def test_a_full_ward_and_an_unknown_one_refuse() -> None:
    assert model.reserve(ward(beds=2, reserved=2), None, ADMISSIONS[0], PATIENT, NOON) == Refused("no free bed")
    assert model.reserve(None, None, ADMISSIONS[0], PATIENT, NOON) == Refused("the ward is not known")


def test_an_admission_that_holds_a_bed_gets_no_second_one() -> None:
    assert model.reserve(ward(beds=2, reserved=1), reservation(ADMISSIONS[0]), ADMISSIONS[0], PATIENT, NOON) is None


def test_a_bed_that_nobody_holds_is_not_released() -> None:
    assert model.release(None) is None


def test_a_ward_cannot_have_fewer_beds_than_are_reserved() -> None:
    told = WardFurnished(ward_id="W1", name="West", beds=2)
    assert model.furnish(ward(beds=3, reserved=2), "West", 2) == (ward(beds=2, reserved=2), told)
    assert model.furnish(ward(beds=3, reserved=2), "West", 1) == Refused(
        "the ward cannot have fewer beds (1) than are reserved (2)"
    )


steps = st.one_of(
    st.tuples(st.just("reserve"), st.sampled_from(ADMISSIONS)),
    st.tuples(st.just("release"), st.sampled_from(ADMISSIONS)),
    st.tuples(st.just("furnish"), st.integers(0, 4)),
)


@given(st.lists(steps, max_size=40))
def test_no_bed_is_ever_reserved_twice_and_every_release_frees_exactly_the_bed_it_names(
    history: list[tuple[str, UUID | int]],
) -> None:
    here, held = ward(beds=2), dict[UUID, Reservation]()
    for what, which in history:
        here = replace(here, reserved=len(held))
        if isinstance(which, int):
            furnished = model.furnish(here, "West", which)
            here = here if isinstance(furnished, Refused) else furnished[0]
        elif what == "reserve":
            decision = model.reserve(here, held.get(which), which, PATIENT, NOON)
            assert isinstance(decision, BedReserved) == (which not in held and len(held) < here.beds)
            if isinstance(decision, BedReserved):
                held[which] = reservation(which)
        else:
            released = model.release(held.pop(which, None))
            assert released in (None, BedReleased(ward_id="W1", admission_id=which, patient_id=PATIENT))
        assert len(held) <= here.beds

"""W3C Trace Context: what a caller sent is taken or left out as the standard says, and carried on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.tracing.causation import causation_of
from infirmary.tracing.trace_context import (
    LONGEST_TRACESTATE,
    child_of,
    is_sampled,
    traceparent_of,
    tracestate_of,
)
from infirmary.tracing.tracer import Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")

hexadecimal = "0123456789abcdef"
trace_ids = st.text(hexadecimal, min_size=32, max_size=32).filter(lambda text: text.strip("0"))
span_ids = st.text(hexadecimal, min_size=16, max_size=16).filter(lambda text: text.strip("0"))
flags = st.text(hexadecimal, min_size=2, max_size=2)
later_versions = st.integers(1, 254).map(lambda number: f"{number:02x}")
members = st.from_regex(r"[a-z][a-z0-9_*/-]{0,60}=[!-+\x2d-<>-~]{1,120}", fullmatch=True)


@given(trace_ids, span_ids, flags)
def test_of_version_00_the_ids_and_the_sampled_flag_are_taken(trace: str, span: str, flag: str) -> None:
    taken = traceparent_of(f"00-{trace}-{span}-{flag}")
    assert taken == f"00-{trace}-{span}-{int(flag, 16) & 1:02x}"


@given(later_versions, trace_ids, span_ids, flags, st.just("") | st.text().map(lambda rest: f"-{rest}"))
def test_of_a_later_version_the_part_is_read_that_is_known(
    version: str, trace: str, span: str, flag: str, rest: str
) -> None:
    taken = traceparent_of(f"{version}-{trace}-{span}-{flag}{rest}")
    assert taken == f"00-{trace}-{span}-{int(flag, 16) & 1:02x}"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{'0' * 32}-{SPAN}-01-more",
        f"01-{TRACE}-{'0' * 16}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01-more",
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT}-",
        f"{TRACEPARENT}\n",
        f" {TRACEPARENT}",
        f"{TRACEPARENT},{TRACEPARENT}",
        f"01-{TRACE}-{SPAN}-01.more",
        f"01-{TRACE}-{SPAN}-012",
        f"01-{TRACE}-{SPAN}",
        f"0-{TRACE}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0X",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00_{TRACE}_{SPAN}_01",
    ],
)
def test_what_the_standard_refuses_begins_a_new_trace(text: str | None) -> None:
    assert traceparent_of(text) is None
    cause = causation_of("a", "b", text, "foo=1")
    assert FORM.fullmatch(cause.traceparent)
    assert TRACE not in cause.traceparent
    assert cause.tracestate == ""


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{30,34}-[0-9a-f]{14,18}-[0-9a-f]{1,3}(-.*)?", fullmatch=True))
def test_whatever_comes_what_goes_on_has_the_form_of_the_standard(text: str) -> None:
    cause = causation_of("a", "b", text)
    assert FORM.fullmatch(cause.traceparent)
    assert FORM.fullmatch(cause.next_traceparent())


@given(trace_ids, span_ids, st.booleans())
def test_a_child_keeps_the_trace_and_whether_it_is_sampled(trace: str, span: str, sampled: bool) -> None:
    parent = f"00-{trace}-{span}-{int(sampled):02x}"
    child = child_of(parent)
    assert FORM.fullmatch(child)
    assert (child[:36], child[53:]) == (parent[:36], parent[53:])
    assert child != parent
    assert is_sampled(child) is sampled


@given(st.lists(members, min_size=1, max_size=4))
def test_a_tracestate_is_carried_on_member_by_member(sent: list[str]) -> None:
    assert tracestate_of(",".join(sent)) == ",".join(sent)
    assert tracestate_of(" \t, ".join([*sent, "", ""])) == ",".join(sent)
    assert causation_of("a", "b", TRACEPARENT, ",".join(sent)).tracestate == ",".join(sent)


@given(st.lists(members, max_size=40))
def test_of_a_long_tracestate_whole_members_are_left_out_long_ones_first(sent: list[str]) -> None:
    carried = tracestate_of(",".join(sent))
    assert len(carried) <= LONGEST_TRACESTATE
    if len(sent) > 32:
        assert carried == ""
        return
    kept = carried.split(",") if carried else []
    rest = iter(sent)
    assert all(member in rest for member in kept), "in their order"
    short = [member for member in sent if len(member) <= 128]
    if not set(short) <= set(kept):
        assert kept == short[: len(kept)], "no long one stays where a short one has to go, and the last goes first"


@pytest.mark.parametrize(
    "text",
    [
        "foo=1",
        "foo=1,bar=2",
        "foo=1 \t , \t bar=2, \t baz=3",
        "a=" + "v" * 256,
        "z" * 256 + "=1",
        "t" * 241 + "@" + "v" * 14 + "=1",
        "0tenant@system=1",
        "a*/_-=!~ x",
    ],
)
def test_members_of_the_standards_grammar_are_taken(text: str) -> None:
    assert tracestate_of(text).split(",") == [member.strip(" \t") for member in text.split(",")]


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "foo=",
        "=1",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "1foo=1",
        "foo@=1",
        "@foo=1",
        "foo@@bar=1",
        "foo@bar@baz=1",
        "z" * 257 + "=1",
        "t" * 242 + "@v=1",
        "t@" + "v" * 15 + "=1",
        "foo=" + "v" * 257,
        "foo=bar=baz",
        "foo=,bar=3",
        "foo=\x7f",
        "foo=é",
        "foo=1\n",
        ",".join(f"k{number}=1" for number in range(33)),
    ],
)
def test_a_tracestate_that_is_none_is_left_out_and_the_trace_goes_on(text: str) -> None:
    cause = causation_of("a", "b", TRACEPARENT, text)
    assert (cause.traceparent, cause.tracestate) == (TRACEPARENT, "")


def test_with_no_trace_the_tracestate_is_none_of_ours() -> None:
    assert causation_of("a", "b", None, "foo=1").tracestate == ""


@pytest.mark.parametrize(("ratio", "flag"), [(0.0, "00"), (1.0, "01")])
def test_a_new_trace_says_whether_it_is_sampled(ratio: float, flag: str) -> None:
    tracer = Tracer(ratio)
    assert {tracer.new_traceparent()[-2:] for _ in range(200)} == {flag}
    assert FORM.fullmatch(tracer.new_traceparent())


def test_a_ratio_samples_about_so_many_of_the_new_traces_and_tells_them_by_their_ids() -> None:
    tracer = Tracer(0.25)
    drawn = [tracer.new_traceparent() for _ in range(4000)]
    assert 800 < sum(map(is_sampled, drawn)) < 1200
    assert all(is_sampled(each) == (int(each[19:35], 16) < 2**62) for each in drawn)


def test_a_callers_decision_stands_whatever_the_ratio_of_new_traces() -> None:
    tracer = Tracer(1.0)
    assert causation_of("a", "b", f"00-{TRACE}-{SPAN}-00", tracer=tracer).traceparent.endswith("-00")
    assert causation_of("a", "b", None, tracer=tracer).traceparent.endswith("-01")
    assert causation_of("a", "b", TRACEPARENT).traceparent.endswith("-01")

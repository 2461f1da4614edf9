"""Which names an API is asked by: those that nobody can register, and those that it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.http.hosts import Hosts

PORTS = st.sampled_from(["", ":", ":80", ":8101"])
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
TOP_LEVELS = st.from_regex(r"[a-z]{2,6}", fullmatch=True).filter(lambda name: name not in ("localhost", "svc", "local"))
REGISTERED = st.builds(
    lambda labels, top: ".".join([*labels, top]), st.lists(LABELS, min_size=1, max_size=4), TOP_LEVELS
)


@given(REGISTERED, PORTS, st.sampled_from(["", "."]))
def test_a_name_that_can_be_registered_is_let_through_only_where_it_was_given(name: str, port: str, dot: str) -> None:
    asked = f"{name.upper()}{dot}{port}"
    assert not Hosts().allow(asked)
    assert not Hosts([f"x.{name}", f"*.{name}", f"x{name}"]).allow(asked)
    assert Hosts([name]).allow(asked)
    assert Hosts([f"*.{name}"]).allow(f"below.{asked}")


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]"), PORTS)
def test_an_address_is_nobodys_to_register(address: str, port: str) -> None:
    assert Hosts().allow(f"{address}{port}")


@given(LABELS, LABELS, PORTS)
def test_names_of_a_machine_and_of_a_cluster_are_nobodys_either(name: str, namespace: str, port: str) -> None:
    for inside in (name, f"{name}.localhost", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local"):
        assert Hosts().allow(f"{inside}{port}")


@pytest.mark.parametrize("header", ["", ":80", ".", "127.0.0.1.evil.example", "[::1].evil.example", "svc.evil.example"])
def test_what_only_looks_like_it_is_not_let_through(header: str) -> None:
    assert not Hosts(["hospital.example.org"]).allow(header)

"""Which faults are in force can be read while they are, and every one is there from the start."""

import urllib.error
import urllib.request

import pytest

from local.ports import LOOPBACK, free_port
from tests.chaos.shown import ShownFaults


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_a_fault_is_shown_while_it_is_in_force() -> None:
    faults, port = ShownFaults(["kill relay", "cut broker off"]), free_port()
    with faults.served(port):
        assert 'infirmary_chaos_fault{fault="kill relay"} 0.0' in read(port)
        faults.begins("kill relay")
        assert 'infirmary_chaos_fault{fault="kill relay"} 1.0' in read(port)
        assert 'infirmary_chaos_fault{fault="cut broker off"} 0.0' in read(port)
        faults.ends("kill relay")
        assert 'infirmary_chaos_fault{fault="kill relay"} 0.0' in read(port)
    with pytest.raises(urllib.error.URLError):
        read(port)


def test_nothing_is_served_where_no_port_was_given() -> None:
    faults = ShownFaults(["kill relay"])
    with faults.served(None):
        faults.begins("kill relay")

"""A free port is one asker's alone, before anything listens there."""

import subprocess
import sys

from local.ports import free_base, free_port

NEAR = tuple(range(200))
"""So many that two sets of them, drawn at random, meet."""

ASK = f"from local.ports import free_base; print(free_base({NEAR}), flush=True); input()"


def ask() -> subprocess.Popen[bytes]:
    """Returns a process that has said what base it was given, and goes on."""
    return subprocess.Popen([sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_no_port_is_given_twice_to_a_process() -> None:
    given = [free_port() for _ in range(500)]
    assert len(set(given)) == len(given)


def test_what_one_process_was_given_no_other_is_given_while_it_lives() -> None:
    base = free_base(NEAR)
    ours = {base + offset for offset in NEAR}
    others = [ask() for _ in range(4)]
    try:
        for other in others:
            assert other.stdout is not None
            base = int(other.stdout.readline())
            theirs = {base + offset for offset in NEAR}
            assert not theirs & ours
            ours |= theirs
    finally:
        for other in others:
            other.kill()
            other.communicate()


def test_what_a_process_had_is_free_when_it_was_killed() -> None:
    for _ in range(20):
        with ask() as other:
            assert other.stdout is not None
            assert other.stdout.readline().strip().isdigit()
            other.kill()

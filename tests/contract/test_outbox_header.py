"""The header that the page shows byte by byte is the one that the library writes: a stranger may rely on it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infirmary_relay.command import main
from infirmary_streams.sections import body_head, encoded

PAGE = Path(__file__).resolve().parents[2] / "docs" / "outbox-contract.md"
MESSAGE_ID, SUBJECT = "0198c5f0-8a5e-7cc2-b1d5-6f1c1d1a9f6e", "order-7"
HEADER = encoded(
    message_id=MESSAGE_ID,
    source="orders",
    message_type="OrderPlaced",
    subject=SUBJECT,
    time=datetime(2026, 11, 26, 12, 0, 1, 5, tzinfo=UTC),
)


def example() -> str:
    return PAGE.read_text().partition("### An example")[2].partition("```text\n")[2].partition("```")[0]


def test_the_example_is_what_the_library_writes() -> None:
    shown = bytes.fromhex(" ".join(line.partition("#")[0] for line in example().splitlines()))
    assert shown == HEADER + (1).to_bytes(8, "big")
    page = PAGE.read_text()
    assert f"{len(shown)} bytes):" in page
    assert f"`{(body_head(2) + b'{}').hex(' ')}`" in page
    assert f"'{MESSAGE_ID}', 'orders.events', 'OrderPlaced', '{SUBJECT}'" in page, "it is the row of the statement"


def test_the_command_explains_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "header.hex"
    file.write_text(example())
    assert main(["check-header", str(file)]) == 0
    told = capsys.readouterr().out
    for said in (MESSAGE_ID, SUBJECT, "creation-time", "1795694401000", "nothing is wrong in it"):
        assert said in told

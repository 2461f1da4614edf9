"""docs/guarantees.md lists every rule of the audit, and no other."""

import re
from pathlib import Path

from audit.verdict import RULES

PAGE = (Path(__file__).resolve().parents[3] / "docs/guarantees.md").read_text()


def test_every_rule_of_the_audit_is_listed_in_its_order() -> None:
    section = PAGE.partition("## What the audit checks")[2].partition("\n## ")[0]
    listed = re.findall(r"^- (.*?)(?: \(compared with what a client was told\))?$", section, re.MULTILINE)
    assert listed == [rule.name for rule in RULES]

"""Asks a public database which of the locked packages have known vulnerabilities; exits with 1 when one has.

A machine that cannot ask is told so, and the status is 0: what nobody could look at is no reason to stop anybody's
work, and CI asks wherever it has a network. Run it as `python -m scripts.known_vulnerabilities`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

LOCKS: Final = ("requirements-trace.lock", "requirements-dev.lock")
"""What the images hold, and what a checkout installs; every other lock file is a part of the latter."""

_ROOT: Final = Path(__file__).resolve().parents[1]
_DEADLINE_S: Final = 300
_SHOWN: Final = 5


def judged(lock: str, output: str, error: str) -> tuple[list[str], bool]:
    """Returns what there is to say about a lock file, and whether something in it is known to be vulnerable.

    Args:
        lock: Its name.
        output: pip-audit's answer as JSON; something else, or nothing, when it could not ask.
        error: What it said besides.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = next(iter(reversed(error.strip().splitlines())), "it said nothing")
        return [f"{lock}: nothing was asked, because no database was reached: {reason[:200]}"], False
    asked = [each for each in packages if "skip_reason" not in each]
    found = [_told(lock, each, known) for each in asked for known in each["vulns"]]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    lines = [f"{lock}: {len(asked)} of {len(packages)} packages were asked about, {len(found)} advisories fit"]
    if skipped:
        more = ", ..." if len(skipped) > _SHOWN else ""
        lines.append(f"{lock}: the database does not know these: {', '.join(skipped[:_SHOWN])}{more}")
    return lines + found, bool(found)


def _told(lock: str, package: dict[str, Any], known: dict[str, Any]) -> str:
    mended = ", ".join(known["fix_versions"]) or "no version"
    return f"{lock}: {package['name']} {package['version']} has {known['id']}; mended in {mended}"


def _ask(lock: str) -> tuple[str, str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(_ROOT / lock)]
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--desc", "off"]
    try:
        asked = subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=_DEADLINE_S, cwd=_ROOT
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_DEADLINE_S} s"
    return asked.stdout, asked.stderr


def main() -> int:
    """Asks about each lock file, says what came out, and returns the exit status."""
    any_vulnerable = False
    for lock in LOCKS:
        lines, vulnerable = judged(lock, *_ask(lock))
        print("\n".join(lines))
        any_vulnerable = any_vulnerable or vulnerable
    return 1 if any_vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())

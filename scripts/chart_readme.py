"""Writes each chart's README from its Chart.yaml and its values.yaml: `python -m scripts.chart_readme`."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[1] / "charts"
NAMES = ("service", "infra")

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):(?P<value>.*)$")
_OF_A_BLOCK = re.compile(r" *# (begin|end) of ")  # what `make services` writes
_COMMENT = re.compile(r"(?:^| )# ?(?P<text>.*)$")


def readme(chart: str) -> str:
    """Returns the text of a chart's README."""
    folder = CHARTS / chart
    about = yaml.safe_load((folder / "Chart.yaml").read_text())
    known = values((folder / "values.yaml").read_text())
    kubernetes = about["kubeVersion"].removesuffix("-0")
    return "\n".join(
        [
            f"# The chart {about['name']}",
            "",
            about["description"],
            f"Version {about['version']}, for images of {about['appVersion']}; Kubernetes {kubernetes}.",
            "How it is used: [docs/kubernetes.md](../../docs/kubernetes.md).",
            "",
            "This page is made from values.yaml: `python -m scripts.chart_readme`.",
            "",
            "| value | default | meaning |",
            "|---|---|---|",
            *(f"| `{name}` | {default} | {meaning} |" for name, default, meaning in known),
            "",
        ]
    )


def values(text: str) -> list[tuple[str, str, str]]:
    """Returns name, default and meaning of each value, in the order of a values.yaml."""
    found: list[tuple[str, str, str]] = []
    defaults: dict[str, Any] = yaml.safe_load(text)
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if _OF_A_BLOCK.match(line):
            continue
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip().lstrip("#").strip())
            continue
        key = _KEY.match(line)
        if key is None:
            comment = []
            continue
        path = [*path[: len(key["indent"]) // 2], key["key"]]
        trailing = _COMMENT.search(key["value"])
        meaning = " ".join([*comment, *([trailing["text"]] if trailing else [])])
        is_group = not key["value"].strip()
        if meaning or not is_group:
            found.append((".".join(path), "" if is_group else _shown(_at(defaults, path)), _escaped(meaning)))
        comment = []
    return found


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _at(values: Any, path: list[str]) -> Any:
    for key in path:
        values = values[key]
    return values


def _shown(value: Any) -> str:
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    for name in NAMES:
        (CHARTS / name / "README.md").write_text(readme(name))

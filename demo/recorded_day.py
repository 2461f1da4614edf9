"""Plays the day before a Prometheus, and keeps its answers to the home's panels: `python -m demo.recorded_day FILE`."""

import json
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import click
from rich.console import Console

from dashboards.annotations import STARTED
from dashboards.asking import filled, named, points
from dashboards.home import PAGE
from dashboards.model import Panel
from demo.__main__ import play
from demo.narrator import PLAIN_WIDTH
from demo.processes import Processes
from demo.watching import watched
from local.hospital import running_hospital
from local.ports import free_port
from local.rundir import RunDir
from local.servers.prometheus import PrometheusServer

OVER: Final = "10s"
BEFORE_S, AFTER_S = 5.0, 15.0
MOMENTS: Final = 120
"""How often a value is asked for over the day, at the most once a second."""


class Recording:
    """What a Prometheus knows of a span of time."""

    def __init__(self, prometheus: PrometheusServer, from_s: float, to_s: float) -> None:
        self._prometheus, self._from_s, self._to_s = prometheus, from_s, to_s
        self._step_s = max(round((to_s - from_s) / MOMENTS), 1)

    def everything(self) -> dict[str, Any]:
        """Returns the answers to all panels of the home, and when a process has started."""
        return {
            "from": self._from_s,
            "to": self._to_s,
            "panels": {panel.title: list(self._series(panel)) for panel in PAGE.panels},
            "started": sorted(self._started(), key=itemgetter("at")),
        }

    def _started(self) -> Iterator[dict[str, Any]]:
        """Those who were there when the day began are no news."""
        for each in self._ask(STARTED):
            who = named("{{service}} {{role}}", each["metric"])
            for at in {value for _, value in points(each["values"]) if value > self._from_s + BEFORE_S}:
                yield {"at": at, "who": who}

    def _series(self, panel: Panel) -> Iterator[dict[str, Any]]:
        for at, query in enumerate(panel.queries):
            for each in self._ask(query.expression):
                found = points(each["values"])
                if found:
                    name = named(query.legend, each["metric"])
                    yield {"query": at, "name": name, "labels": each["metric"], "points": found}

    def _ask(self, expression: str) -> list[dict[str, Any]]:
        asked = {"query": filled(expression, over=OVER), "start": self._from_s, "end": self._to_s, "step": self._step_s}
        answer = self._prometheus.ask(f"/api/v1/query_range?{urlencode(asked)}")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def main(file: Path) -> None:
    """Plays a day with its faults and writes the answers into FILE."""
    console = Console(width=PLAIN_WIDTH)
    run_dir = RunDir(RunDir().path / "recorded")
    with (
        running_hospital(run_dir.path, fresh=True, announce=console.print, broker_metrics_port=free_port()) as hospital,
        watched(hospital, run_dir.path) as prometheus,
    ):
        time.sleep(BEFORE_S)
        begun_at = time.time()
        play(console, hospital.env, Processes(run_dir, hospital.env))
        time.sleep(AFTER_S)
        answers = Recording(prometheus, begun_at - BEFORE_S, time.time()).everything()
    file.write_text(json.dumps(answers))


if __name__ == "__main__":
    main()

"""A panel as Grafana wants it: which builder of the SDK draws which kind, and what all of them have in common."""

from collections.abc import Callable
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, gauge, heatmap, prometheus, stat, statetimeline, table
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import timeseries as lines
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as shape
from grafana_foundation_sdk.models import heatmap as heat
from grafana_foundation_sdk.models import prometheus as source

from dashboards.going_on import links, runbook_of_a_row
from dashboards.model import Kind, Limits, Panel, Query

DATASOURCE: Final = shape.DataSourceRef(type_val="prometheus", uid="${datasource}")
_GREEN, _AMBER, _RED, _PLAIN = "green", "orange", "red", "blue"


def drawn(panel: Panel) -> Any:
    """Returns the SDK's builder of a panel."""
    made = (
        _KINDS[panel.kind](panel)
        .title(panel.title)
        .description(_description(panel))
        .unit(panel.unit.value)
        .datasource(DATASOURCE)
        .thresholds(_thresholds(panel.limits))
        .links(links(panel))
        .span(panel.width)
        .height(panel.height)
    )
    for at, query in enumerate(panel.queries):
        made = made.with_target(_target(panel, query, chr(ord("A") + at)))
    return made.no_value(panel.nothing) if panel.nothing else made


def _description(panel: Panel) -> str:
    return f"{panel.says} Empty: {panel.nothing[0].lower()}{panel.nothing[1:]}" if panel.nothing else panel.says


def _target(panel: Panel, query: Query, name: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression).ref_id(name).legend_format(query.legend or "__auto")
    if panel.kind is Kind.HEATMAP:
        target = target.format(source.PromQueryFormat.HEATMAP)
    elif panel.kind is Kind.TABLE:
        target = target.format(source.PromQueryFormat.TABLE)
    return target.instant() if query.now else target.range()


def _thresholds(limits: Limits) -> build.ThresholdsConfig:
    bounds = [each for each in (limits.amber, limits.red) if each is not None]
    colors = [_GREEN, _AMBER, _RED] if len(bounds) == 2 else [_GREEN, _RED] if bounds else [_PLAIN]
    if limits.below:
        bounds, colors = bounds[::-1], colors[::-1]
    steps = zip([None, *bounds], colors, strict=True)
    return (
        build.ThresholdsConfig()
        .mode(shape.ThresholdsMode.ABSOLUTE)
        .steps([shape.Threshold(value=value, color=color) for value, color in steps])
    )


def _stat(panel: Panel) -> Any:
    return (
        stat.Panel()
        .color_mode(options.BigValueColorMode.BACKGROUND)
        .graph_mode(options.BigValueGraphMode.NONE if panel.queries[0].now else options.BigValueGraphMode.AREA)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(_newest())
        .decimals(1 if panel.unit.value == "s" else 0)
    )


def _lines(panel: Panel) -> Any:
    stacking = options.StackingMode.NORMAL if panel.stacked else options.StackingMode.NONE
    return (
        lines.Panel()
        .line_width(1)
        .fill_opacity(25 if panel.stacked else 5)
        .show_points(options.VisibilityMode.NEVER)
        .stacking(common.StackingConfig().mode(stacking))
        .axis_soft_min(0)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(_style(panel.limits)))
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.TABLE)
            .placement(options.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    )


def _style(limits: Limits) -> options.GraphTresholdsStyleMode:
    """A limit that is too far up to be seen must not press the lines flat, so it is dashed and never filled."""
    none = limits.amber is None and limits.red is None
    return options.GraphTresholdsStyleMode.OFF if none else options.GraphTresholdsStyleMode.DASHED


def _heatmap(panel: Panel) -> Any:
    return (
        heatmap.Panel()
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit.value).axis_placement(options.AxisPlacement.LEFT))
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heat.HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .steps(32)
            .scale(heat.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
        )
        .show_legend()
    )


def _states(_: Panel) -> Any:
    return (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(options.VisibilityMode.NEVER)
        .row_height(0.8)
        .color_scheme(build.FieldColor().mode(shape.FieldColorModeId.THRESHOLDS))
    )


def _bars(_: Panel) -> Any:
    return bargauge.Panel().min(0).max(1).reduce_options(_newest()).display_mode(options.BarGaugeDisplayMode.BASIC)


def _gauge(_: Panel) -> Any:
    return gauge.Panel().min(-1).max(1).reduce_options(_newest()).show_threshold_markers(True)


def _table(_: Panel) -> Any:
    return (
        table.Panel()
        .show_header(True)
        .data_links([runbook_of_a_row()])
        .with_transformation(_only_what_names())
    )  # fmt: skip


def _only_what_names() -> shape.DataTransformerConfig:
    hidden = dict.fromkeys(("Time", "__name__", "instance", "job", "alertstate"), True)
    return shape.DataTransformerConfig(
        id_val="organize", options={"excludeByName": hidden, "renameByName": {"Value": "since"}}
    )


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


_KINDS: Final[dict[Kind, Callable[[Panel], Any]]] = {
    Kind.STAT: _stat,
    Kind.LINES: _lines,
    Kind.HEATMAP: _heatmap,
    Kind.STATES: _states,
    Kind.BARS: _bars,
    Kind.GAUGE: _gauge,
    Kind.TABLE: _table,
}

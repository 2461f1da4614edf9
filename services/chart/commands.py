"""What an operator can do with charts, besides what there is for every service."""

from infirmary.operator.rebuild_command import rebuild_command
from infirmary.postgres.read_model import ReadModel
from services.chart.store import keep_erased
from services.chart.tables import metadata

CHARTS = ReadModel("chart", tuple(table.name for table in metadata.sorted_tables), keep_erased)

commands = [rebuild_command(CHARTS)]
"""The commands of chart."""

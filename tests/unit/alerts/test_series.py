"""Whatever a rule or a runbook asks for exists: its metrics and labels are those that the code registers."""

from alerts.rendering import Installation, groups
from tests.unit.alerts.test_runbooks import QUERIES
from tests.unit.dashboards.promql import wanted
from tests.unit.dashboards.series import OTHERS, TARGET, registered

SERVERS = {
    # Prometheus about the alerts of these rules, with the labels that the runbooks ask for.
    "ALERTS": {"alertname", "alertstate"},
    "ALERTS_FOR_STATE": {"alertname"},
    # `roles` is a target's: charts/infra/files/prometheus.yml.
    "up": {"roles"},
    # RabbitMQ, /metrics and /metrics/detailed: described in its deps/rabbitmq_prometheus.
    "rabbitmq_alarms_memory_used_watermark": set(),
    "rabbitmq_alarms_free_disk_space_watermark": set(),
    "rabbitmq_alarms_file_descriptor_limit": set(),
    "rabbitmq_process_resident_memory_bytes": set(),
    "rabbitmq_resident_memory_limit_bytes": set(),
    "rabbitmq_disk_space_available_bytes": set(),
    "rabbitmq_disk_space_available_limit_bytes": set(),
    "rabbitmq_detailed_queue_messages": {"vhost", "queue"},
    # CloudNativePG, its page on monitoring.
    "cnpg_collector_up": {"cluster"},
}


def rules() -> list[dict[str, str]]:
    return [rule for each in Installation for group in groups(each)["groups"] for rule in group["rules"]]


def test_every_metric_and_label_of_every_rule_and_runbook_is_known() -> None:
    recorded = {rule["record"]: {"service", "log", "table"} for rule in rules() if "record" in rule}
    known = {**OTHERS, **registered(), **SERVERS, **recorded}
    wrong = set()
    for expression in [rule["expr"] for rule in rules()] + QUERIES:
        for each in wanted(expression):
            if each.metric not in known:
                wrong.add(f"there is no {each.metric}: {expression}")
            elif unknown := each.labels - known[each.metric] - TARGET:
                wrong.add(f"{each.metric} has no {', '.join(sorted(unknown))}: {expression}")
    assert wrong == set()

"""A wrong setting is refused at the start, by its name and with what it should be."""

import pytest

from infirmary_relay.backoff import BackoffTimes
from infirmary_relay.settings import SettingsError, read_settings

GOOD = {"DATABASE_URL": "postgresql://n:p@localhost/n", "RABBITMQ_URL": "amqp://n:p@localhost/"}


@pytest.fixture(autouse=True)
def good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_the_defaults_are_enough() -> None:
    settings = read_settings()
    assert settings.relay_batch_rows == 500
    assert settings.relay_declare is None
    assert not settings.is_mongo


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATABASE_URL", "mysql://localhost/n", "postgresql://role:password@host:port/database"),
        ("DATABASE_URL", "postgresql:///n", "Unix socket"),
        ("RABBITMQ_URL", "http://localhost", "amqp://user:password@host:port/vhost"),
        ("RELAY_BATCH_ROWS", "0", "most messages published together"),
        ("RELAY_BATCH_BYTES", "many", "most bytes of bodies"),
        ("RELAY_STALLED_AFTER_S", "0", "seconds without a confirm"),
        ("RELAY_STALLED_AFTER_S", "nan", "seconds without a confirm"),
        ("RELAY_RESTART_WHEN_STALLED_S", "-1", "0 for never"),
        ("METRICS_PORT", "70000", "port of /metrics"),
        ("RELAY_LOG_MAX_AGE", "a month", "a number and Y, M, D, h, m or s"),
        ("LOG_PARTS", "3", "a power of two"),
        ("LOG_PARTS", "65", "a power of two"),
        ("INFIRMARY_ENV", "testing", "development or production"),
        ("RELAY_CRASH_POINT", "somewhere", "where to freeze"),
        ("TRACE_EXPORTER", "jaeger", "none, otlp or zipkin"),
        ("TRACE_ENDPOINT", "localhost:9411", "http://host:port"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert name in str(refused.value)
    assert says in str(refused.value)


def test_an_exporter_that_is_not_installed_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infirmary_relay.settings.find_spec", lambda _name: None)
    assert read_settings().trace_exporter == "none"
    monkeypatch.setenv("TRACE_EXPORTER", "otlp")
    with pytest.raises(SettingsError, match=r"TRACE_EXPORTER: .*the extra `trace`"):
        read_settings()


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RABBITMQ_URL")
    with pytest.raises(SettingsError, match="RABBITMQ_URL"):
        read_settings()


def test_crash_points_are_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_CRASH_POINT", "after_fetch")
    monkeypatch.setenv("INFIRMARY_ENV", "production")
    with pytest.raises(SettingsError, match="RELAY_CRASH_POINT"):
        read_settings()


def test_nothing_is_restarted_before_it_is_said_to_be_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_RESTART_WHEN_STALLED_S", "59")
    with pytest.raises(SettingsError, match="0, or not less than RELAY_STALLED_AFTER_S"):
        read_settings()
    monkeypatch.setenv("RELAY_RESTART_WHEN_STALLED_S", "0")
    assert read_settings().relay_restart_when_stalled_s == 0


def test_the_longest_wait_is_not_shorter_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().backoff_times == BackoffTimes()
    monkeypatch.setenv("RELAY_BACKOFF_FIRST_S", "1.5")
    with pytest.raises(SettingsError, match="RELAY_BACKOFF_LONGEST_S should not be less than RELAY_BACKOFF_FIRST_S"):
        read_settings()


def test_targets_to_declare_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_DECLARE", "a.events, b.inbox,")
    assert read_settings().relay_declare == ["a.events", "b.inbox"]

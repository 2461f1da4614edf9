"""A wrong setting is refused at the start, by its name and with what it should be."""

from pathlib import Path

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
        ("RELAY_EVENTS_MAX_AGE", "two weeks", "a number and Y, M, D, h, m or s"),
        ("RELAY_EVENTS_SEGMENT_BYTES", "9999", "forgets at once"),
        ("LOG_PARTS", "3", "a power of two"),
        ("LOG_PARTS", "65", "a power of two"),
        ("INFIRMARY_ENV", "testing", "development or production"),
        ("RELAY_CRASH_POINT", "somewhere", "where to freeze"),
        ("RABBITMQ_STREAM_PORT", "70000", "port of the stream protocol"),
        ("RABBITMQ_STREAM_PORT", "-1", "0 sends them by AMQP"),
        ("RABBITMQ_CERT_FILE", "/nowhere", "this client's certificate, as a PEM file"),
        ("RABBITMQ_KEY_FILE", "/nowhere", "the key of that certificate"),
        ("RELAY_SUB_ENTRY_MESSAGES", "0", "1 for none"),
        ("RELAY_SUB_ENTRY_MESSAGES", "65536", "1 for none"),
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


@pytest.mark.parametrize(
    ("url", "port", "expected"),
    [
        ("amqp://n:p@broker/h", None, "broker:5552"),
        ("amqps://n:p@broker:5671/h", None, "broker:5551"),
        ("amqp://n:p@broker:5673/h", None, None),
        ("amqp://n:p@broker:5673/h", "5553", "broker:5553"),
        ("amqp://n:p@broker/h", "0", None),
    ],
)
def test_logs_go_by_streams_where_they_are_spoken(
    monkeypatch: pytest.MonkeyPatch, url: str, port: str | None, expected: str | None
) -> None:
    monkeypatch.setenv("RABBITMQ_URL", url)
    if port is not None:
        monkeypatch.setenv("RABBITMQ_STREAM_PORT", port)
    address = read_settings().stream_address
    assert (None if address is None else str(address.endpoint)) == expected
    assert address is None or (address.user, address.password, address.virtual_host) == ("n", "p", "h")


def test_a_certificate_logs_in_to_both_where_the_url_names_no_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    for path, name in ((certificate, "RABBITMQ_CERT_FILE"), (key, "RABBITMQ_KEY_FILE")):
        path.touch()
        monkeypatch.setenv(name, str(path))
    monkeypatch.setenv("RABBITMQ_URL", "amqps://broker/h")
    settings = read_settings()
    assert settings.stream_address is not None
    for address in (settings.broker_address, settings.stream_address):
        assert (address.user, address.certificate) == ("", (certificate, key))
    assert settings.broker_address.arguments(timeout_s=1, name="n")["login_method"] == "EXTERNAL"
    monkeypatch.delenv("RABBITMQ_KEY_FILE")
    with pytest.raises(SettingsError, match="RABBITMQ_CERT_FILE and RABBITMQ_KEY_FILE should be set together"):
        read_settings()


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

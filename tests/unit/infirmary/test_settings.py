"""A service's configuration: what is wrong is named, and production refuses what anybody knows."""

from pathlib import Path
from typing import Literal

import pytest

from infirmary.addresses import DEVELOPMENT_PASSWORDS
from infirmary.settings import (
    InvalidConfiguration,
    Settings,
    read,
    read_all,
    unknown,
)
from infirmary_relay.settings import Settings as RelaySettings
from services.billing.settings import BillingSettings

DATABASE = "postgresql://lab_results:s3cret-of-ours@127.0.0.1:5432/lab_results"
BROKER = "amqp://lab:s3cret-of-ours@127.0.0.1:5672/"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that holds a database and no other variable of ours."""
    for name in (*Settings.model_fields, *BillingSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", DATABASE)
    return monkeypatch


def refusal() -> str:
    with pytest.raises(InvalidConfiguration) as refused:
        read(Settings)
    return str(refused.value)


def test_a_database_is_all_that_is_needed_in_development() -> None:
    settings = read(Settings)
    assert settings.database_url == DATABASE
    assert (settings.infirmary_env, settings.http_host, settings.consumer_batch_messages) == (
        "development",
        "127.0.0.1",
        100,
    )


def test_a_database_may_be_on_several_hosts(environment: pytest.MonkeyPatch) -> None:
    several = "postgresql://lab:lab@db-0:5432,db-1,db-2:5433/lab?target_session_attrs=read-write"
    environment.setenv("DATABASE_URL", several)
    assert read(Settings).database_url == several


def test_who_migrates_is_the_owner_where_there_is_one_of_his_own(environment: pytest.MonkeyPatch) -> None:
    assert read(Settings).as_owner() == read(Settings)
    owner = DATABASE.replace("lab:", "owner:")
    environment.setenv("OWNER_DATABASE_URL", owner)
    assert (read(Settings).database_url, read(Settings).as_owner().database_url) == (DATABASE, owner)


def test_a_variable_that_is_missing_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    assert "DATABASE_URL: Field required" in refusal()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://somewhere/else"),
        ("DATABASE_URL", "postgresql://lab:lab@127.0.0.1:port/lab"),
        ("DATABASE_URL", "postgresql://lab:lab@127.0.0.1/lab?sslmod=require"),
        ("DATABASE_URL", "mongodb://127.0.0.1:27017"),
        ("OWNER_DATABASE_URL", "postgresql://lab:lab@127.0.0.1:port/lab"),
        ("OWNER_DATABASE_URL", "mongodb://127.0.0.1/lab"),
        ("RABBITMQ_URL", "http://127.0.0.1:15672"),
        ("RABBITMQ_URL", "amqp://lab:lab@127.0.0.1:port/"),
        ("RABBITMQ_URL", "amqp:///"),
        ("HTTP_PORT", "70000"),
        ("HTTP_PORT", "eighty"),
        ("METRICS_PORT", "0"),
        ("HTTP_THREADS", "0"),
        ("LOG_LEVEL", "loud"),
        ("INFIRMARY_ENV", "staging"),
        ("OIDC_ISSUER", "identity.example"),
        ("OIDC_ISSUER", "https://identity.example?realm=hospital"),
        ("OIDC_AUDIENCE", ""),
        ("DATABASE_WAIT_S", "0"),
        ("CONSUMER_BATCH_MESSAGES", "100000"),
        ("SAGA_STEP_TIMEOUT_S", "-5"),
        ("SAGA_SEQUENCE_DAYS", "1.5"),
        ("IDEMPOTENCY_KEY_DAYS", "0"),
        ("SAGA_ARCHIVE_AFTER_DAYS", "0"),
        ("SAGA_KEPT_DAYS", "29"),
        ("STALLED_AFTER_S", "0"),
        ("RESTART_WHEN_STALLED_S", "59"),
        ("RESTART_WHEN_STALLED_S", "-1"),
        ("LOG_PARTS", "3"),
        ("LOG_PARTS", "128"),
        ("TRACE_EXPORTER", "jaeger"),
        ("TRACE_ENDPOINT", "127.0.0.1:9411"),
        ("TRACE_ENDPOINT", "http://127.0.0.1:port"),
        ("TRACE_RATIO", "1.1"),
        ("TRACE_RATIO", "nan"),
    ],
)
def test_a_bad_variable_is_named_on_one_line(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(variable, value)
    assert refusal().startswith(f"The configuration is not valid: {variable}: ")
    assert len(refusal().splitlines()) == 1


def test_an_exporter_that_is_not_installed_is_asked_for_by_its_extra(environment: pytest.MonkeyPatch) -> None:
    environment.setattr("infirmary.addresses.find_spec", lambda _name: None)
    assert read(Settings).trace_exporter == "none"
    environment.setenv("TRACE_EXPORTER", "zipkin")
    assert "TRACE_EXPORTER: " in refusal()
    assert "infirmary[trace]" in refusal()


@pytest.mark.parametrize(
    ("exporter", "ratio", "share"), [("none", None, 0), ("none", "0.5", 0.5), ("otlp", None, 1), ("zipkin", "0", 0)]
)
def test_new_traces_are_sampled_by_the_ratio_and_without_one_where_they_go_somewhere(
    environment: pytest.MonkeyPatch, exporter: str, ratio: str | None, share: float
) -> None:
    environment.setenv("TRACE_EXPORTER", exporter)
    if ratio is not None:
        environment.setenv("TRACE_RATIO", ratio)
    assert read(Settings).share_of_new_traces() == share


def test_all_bad_variables_are_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PORT", "0")
    environment.setenv("LOG_LEVEL", "loud")
    _, _, wrong = refusal().partition(": ")
    assert {each.split(":")[0] for each in wrong.split("; ")} == {"LOG_LEVEL", "HTTP_PORT"}


def test_a_refusal_shows_no_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "mysql://lab:s3cret-of-ours@127.0.0.1/lab")
    environment.setenv("HTTP_PORT", "0")
    assert "s3cret" not in refusal()


@pytest.mark.parametrize("password", DEVELOPMENT_PASSWORDS)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "OWNER_DATABASE_URL", "RABBITMQ_URL"])
def test_production_refuses_passwords_that_anybody_knows(
    environment: pytest.MonkeyPatch, variable: str, password: str
) -> None:
    environment.setenv("RABBITMQ_URL", BROKER)
    known = (BROKER if variable == "RABBITMQ_URL" else DATABASE).replace("s3cret-of-ours", password)
    environment.setenv(variable, known)
    assert read(Settings).infirmary_env == "development"
    environment.setenv("INFIRMARY_ENV", "production")
    assert f"{variable} holds a development password" in refusal()


def test_only_who_speaks_to_the_broker_needs_its_address_and_production_has_no_default_for_it(
    environment: pytest.MonkeyPatch,
) -> None:
    assert read(Settings).rabbitmq_url is None
    assert read(Settings).broker_url == "amqp://guest:guest@127.0.0.1:5672/"
    environment.setenv("INFIRMARY_ENV", "production")
    environment.setenv("OIDC_ISSUER", "https://identity.example")
    api = read(Settings)
    with pytest.raises(InvalidConfiguration, match="RABBITMQ_URL: should be set in production"):
        _ = api.broker_url
    environment.setenv("RABBITMQ_URL", BROKER)
    assert read(Settings).broker_url == BROKER


@pytest.mark.parametrize("issuer", [None, "", "http://identity.example"])
def test_production_refuses_to_let_everybody_in(environment: pytest.MonkeyPatch, issuer: str | None) -> None:
    environment.setenv("RABBITMQ_URL", BROKER)
    if issuer is not None:
        environment.setenv("OIDC_ISSUER", issuer)
    assert read(Settings).oidc_issuer == (issuer or None)
    environment.setenv("INFIRMARY_ENV", "production")
    assert "OIDC_ISSUER should be https://" in refusal()


def test_production_starts_with_passwords_of_its_own_and_somebody_who_knows_people(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("INFIRMARY_ENV", "production")
    environment.setenv("RABBITMQ_URL", BROKER)
    environment.setenv("OIDC_ISSUER", "https://identity.example/realms/hospital")
    assert read(Settings).infirmary_env == "production"


def test_variables_of_others_are_no_concern_of_ours(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RELAY_WINDOW_ROWS", "many")
    assert read(Settings).database_url == DATABASE


def test_a_process_refuses_what_only_another_process_of_the_service_would_read(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("ADMISSION_FEE", "abc")
    environment.setenv("LOG_PARTS", "3")
    with pytest.raises(InvalidConfiguration) as refused:
        read_all([BillingSettings])
    assert refused.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "LOG_PARTS: " in told
    assert "ADMISSION_FEE: " in told


def test_a_misspelt_variable_that_was_set_on_purpose_is_refused_with_the_one_that_is_meant(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("INFIRMARY_SETTINGS", "LOG_PARTS, ADMISION_FEE,")
    with pytest.raises(InvalidConfiguration, match=r"ADMISION_FEE: nobody reads it; did you mean ADMISSION_FEE\?$"):
        read_all([BillingSettings])
    environment.setenv("INFIRMARY_SETTINGS", "LOG_PARTS,ADMISSION_FEE")
    assert read_all([BillingSettings]).infirmary_settings == ("LOG_PARTS", "ADMISSION_FEE")


def test_a_variable_of_another_service_is_nobodys_here(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INFIRMARY_SETTINGS", "ADMISSION_FEE")
    with pytest.raises(InvalidConfiguration, match="ADMISSION_FEE: nobody reads it"):
        read_all([])


def test_the_relay_is_given_the_same_variables_so_its_own_are_let_through() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert unknown([name.upper() for name in RelaySettings.model_fields], known) == []


@pytest.mark.parametrize("role", ["api", "consumer"])
def test_an_api_on_one_of_the_last_ports_needs_to_be_told_where_the_metrics_are(
    role: Literal["api", "consumer"], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PORT", "65500")
    with pytest.raises(InvalidConfiguration, match="METRICS_PORT: should be set"):
        read(Settings).metrics_port_of(role)
    environment.setenv("METRICS_PORT", "9090")
    assert read(Settings).metrics_port_of(role) == 9090


def test_logs_are_read_by_the_stream_protocol_beside_amqps_own_port_unless_it_is_said_where(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("RABBITMQ_URL", BROKER)
    address = read(Settings).stream_address()
    assert address is not None
    assert (address.host, address.port, address.user, address.tls) == ("127.0.0.1", 5552, "lab", False)
    environment.setenv("RABBITMQ_URL", BROKER.replace("5672", "5673"))
    assert read(Settings).stream_address() is None
    environment.setenv("RABBITMQ_STREAM_PORT", "6000")
    address = read(Settings).stream_address()
    assert address is not None
    assert address.port == 6000
    environment.setenv("RABBITMQ_STREAM_PORT", "0")
    assert read(Settings).stream_address() is None


def test_a_clients_certificate_comes_with_its_key_and_is_the_login_where_nobody_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("cert", "key"):
        (tmp_path / name).touch()
    environment.setenv("RABBITMQ_URL", "amqps://broker")
    environment.setenv("RABBITMQ_CERT_FILE", str(tmp_path / "cert"))
    assert "RABBITMQ_CERT_FILE and RABBITMQ_KEY_FILE are set together" in refusal()
    environment.setenv("RABBITMQ_KEY_FILE", str(tmp_path / "key"))
    address = read(Settings).stream_address()
    assert address is not None
    assert (address.port, address.tls, address.user) == (5551, True, "")
    assert address.certificate == (tmp_path / "cert", tmp_path / "key")


def test_the_apis_certificate_comes_with_its_key(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    file.touch()
    environment.setenv("HTTP_CERTIFICATE_FILE", str(file))
    assert "HTTP_CERTIFICATE_FILE and HTTP_KEY_FILE should be set both, or neither" in refusal()
    environment.setenv("HTTP_KEY_FILE", str(file))
    assert read(Settings).http_certificate_files == (file, file)


def test_names_of_the_api_are_read_one_by_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_HOSTS", "API.example.org, *.hospital.example.org")
    assert read(Settings).http_hosts == ("api.example.org", "*.hospital.example.org")


@pytest.mark.parametrize(
    "names", ["*", "https://api.example.org", "api.example.org:443", "a..b", "*.*.org", "api_1.org"]
)
def test_what_is_no_name_of_an_api_is_refused(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: str
) -> None:
    environment.setenv("HTTP_HOSTS", names)
    with pytest.raises(InvalidConfiguration):
        read(Settings)
    assert "HTTP_HOSTS" in capsys.readouterr().err

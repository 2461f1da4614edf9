"""Which services there are is read from the environment alone."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from audit.addresses import services_in
from audit.broker import Unreadable
from audit.database_state import mongo_arguments, postgres_arguments
from audit.environment import of_services
from audit.facts import DatabaseState, LogMessage
from audit.hospital import READS
from audit.reads import logs_of
from audit.unseen import about_databases, about_logs, without_address

COMMANDS = {stem for stems in READS.values() for stem in stems if ".to." in stem}

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,30}", fullmatch=True).filter(
    lambda name: name not in {"rabbitmq", "postgres", "mongodb"}
)


def test_the_address_of_a_database_as_one_of_its_processes_names_no_service() -> None:
    roles = {f"WARD_{process}_DATABASE_URL": "postgresql://h/wards" for process in ("API", "CONSUMER", "RELAY")}
    found = services_in({"WARD_DATABASE_URL": "postgresql://owner@h/wards"} | roles)
    assert {name: each.database_url for name, each in found.items()} == {"ward": "postgresql://owner@h/wards"}


@given(st.sets(NAMES, max_size=12))
def test_every_service_with_a_database_is_known_by_its_name(names: set[str]) -> None:
    environment = {f"{name.upper()}_DATABASE_URL": f"postgresql://h/{name}" for name in names}
    found = services_in({**environment, "RABBITMQ_URL": "amqp://h", "HOME": "/"})
    assert {name: each.database_url for name, each in found.items()} == {
        name: f"postgresql://h/{name}" for name in names
    }


def test_servers_and_what_has_no_address_of_ours_are_no_services() -> None:
    environment = {"MONGODB_URL": "mongodb://h", "POSTGRES_URL": "postgresql://h", "GIT_URL": "ssh://h", "A_URL": ""}
    assert services_in(environment) == {}


def test_in_a_process_an_address_alone_makes_no_service() -> None:
    environment = {
        "PIP_INDEX_URL": "https://h",
        "SENTRY_URL": "https://h",
        "WARD_URL": "http://ward",
        "CANTEEN_URL": "http://canteen",
        "CANTEEN_DATABASE_URL": "postgresql://h/meals",
        "RABBITMQ_URL": "amqp://h",
    }
    kept = of_services(environment)
    assert environment.keys() - kept.keys() == {"PIP_INDEX_URL", "SENTRY_URL"}
    assert list(services_in(kept)) == ["canteen", "ward"]


def test_a_service_may_be_named_by_its_api_or_in_the_list_alone() -> None:
    found = services_in({"CANTEEN_URL": "http://canteen", "SERVICES": "pharmacist, ward"}, always=("chart",))
    assert list(found) == ["canteen", "chart", "pharmacist", "ward"]
    said = [str(each) for each in without_address([found["canteen"], found["ward"]])]
    assert said == [
        "canteen, database: CANTEEN_DATABASE_URL is not set",
        "ward, database: WARD_DATABASE_URL is not set",
        "ward, API: WARD_URL is not set",
    ]


def test_what_a_service_reads_is_said_by_its_variable() -> None:
    environment = {"PHARMACIST_DATABASE_URL": "postgresql://h/p", "PHARMACIST_READS": "patient,ward.to.pharmacist"}
    found = services_in(environment)
    assert found["pharmacist"].reads == ("patient", "ward.to.pharmacist")
    assert logs_of(found) == ["pharmacist", *sorted({*COMMANDS, "ward.to.pharmacist"})]


def test_a_log_that_one_of_the_hospitals_own_reads_besides_hides_none_of_the_others() -> None:
    found = services_in({"SERVICES": "admission", "ADMISSION_READS": "pharmacist.to.admission"})
    assert logs_of(found) == ["admission", *sorted({*COMMANDS, "pharmacist.to.admission"})]


def test_a_certificate_is_checked_with_the_name_where_one_to_trust_is_given() -> None:
    environment = {
        "DATABASE_CA_FILE": "all.pem",
        "WARD_DATABASE_CA_FILE": "ward.pem",
        "WARD_DATABASE_URL": "postgresql://h/wards?sslmode=require",
        "LAB_DATABASE_URL": "postgresql://h/lab?sslmode=disable",
        "NOTIFICATION_DATABASE_URL": "mongodb://h/n?tls=true",
        "OTHER_DATABASE_URL": "mongodb://h/o",
    }
    found = services_in(environment)
    ward = postgres_arguments(found["ward"])
    assert (ward["sslmode"], ward["sslrootcert"]) == ("verify-full", "ward.pem")
    assert "sslmode" not in postgres_arguments(found["lab"])
    assert mongo_arguments(found["notification"]) == {"tlsCAFile": "all.pem"}
    assert mongo_arguments(found["other"]) == {}
    assert found["ward"].database_ca_file == Path("ward.pem")


def test_of_several_hosts_the_one_that_takes_writes_is_asked() -> None:
    urls = {
        "one": "postgresql://h/d",
        "two": "postgresql://h,g/d",
        "own": "postgresql://h,g/d?target_session_attrs=any",
    }
    found = services_in({f"{name.upper()}_DATABASE_URL": url for name, url in urls.items()})
    asked = {name: postgres_arguments(each).get("target_session_attrs") for name, each in found.items()}
    assert asked == {"one": None, "two": "primary", "own": None}


def test_a_log_that_does_not_exist_hides_nothing_and_one_that_cannot_be_read_does() -> None:
    logs: dict[str, list[LogMessage]] = {"chart": [], "ward": []}
    unreadable = {"chart": Unreadable.MISSING, "ward": Unreadable.FORBIDDEN}
    assert [(each.service, each.hides) for each in about_logs(logs, unreadable)] == [
        ("chart", False),
        ("ward", True),
    ]


def test_a_missing_relay_and_missing_tables_are_said() -> None:
    databases = {
        "a": DatabaseState(relays=0),
        "b": DatabaseState(relays=1),
        "c": DatabaseState(),
        "d": DatabaseState(absent=["saga"]),
    }
    assert [str(each) for each in about_databases(databases)] == [
        "a, relay: none has shown itself for 15 s",
        "d, tables: it has no saga",
    ]

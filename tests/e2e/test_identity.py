"""The hospital asks everybody who they are, and goes on asking when its provider of identities is killed."""

import httpx

from audit.client import bearer
from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.issuer.roles import roles_of, variable_of
from local.topology import SERVICES
from tests.eventually import eventually

A_LIST = {"prescription": "/prescriptions", "lab": "/lab-results", "notification": "/notifications"}


def test_nobody_is_let_in_without_saying_who_they_are(machinery: Machinery) -> None:
    for service, path in A_LIST.items():
        answer = httpx.get(machinery.url(service) + path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="infirmary"'), service
    for each in SERVICES:
        assert httpx.get(f"{machinery.url(each.name)}/openapi.json").status_code == 200


def test_each_role_may_do_what_its_scopes_say(machinery: Machinery) -> None:
    for role, scopes in roles_of().items():
        token = {"HOSPITAL_TOKEN": machinery.env[variable_of(role)]}
        for service, path in A_LIST.items():
            allowed = f"{path.strip('/')}:read-all" in scopes
            assert httpx.get(machinery.url(service) + path, headers=bearer(token)).status_code == (
                200 if allowed else 403
            ), f"{role} at {path}"


def test_tokens_stay_good_when_the_provider_is_killed_and_an_api_begins_anew(
    machinery: Machinery, hospital: Hospital
) -> None:
    assert machinery.identity is not None
    provider = machinery.identity.process
    killed = provider.pid
    provider.crash()
    hospital.patient()  # by the keys that are known
    eventually(lambda: provider.pid not in (None, killed), because="the provider is started again")
    machinery.process("patient", "api").crash()
    hospital.patient()  # asks again until the API has the keys of the provider that was started again

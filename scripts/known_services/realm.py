"""The realm of charts/infra's Keycloak, in which a role is a set of scopes, as local/issuer/roles.toml has it.

Each scope is a client scope that Keycloak gives to those alone who have one of its roles.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from local.issuer.codes import CLIENT
from local.issuer.roles import EVERYTHING, roles_of
from local.topology import DEFAULT_PORT_BASE, NODE_PORT_BASE, SERVICES

AUDIENCE: Final = "infirmary"
MACHINE: Final = "machine"
_ABOUT: Final = "hospital"
"""The client scope of what is in every token beside its scopes."""


def realm(roles: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Returns the realm as Keycloak imports it.

    Args:
        roles: The scopes of each role, and of `everything`, who is nobody here.
    """
    holders, roles = _holders(roles), {role: scopes for role, scopes in roles.items() if role != EVERYTHING}
    return {
        "realm": "hospital",
        "enabled": True,
        "sslRequired": "external",
        "accessTokenLifespan": 900,
        "bruteForceProtected": True,
        "roles": {"client": {AUDIENCE: [{"name": role} for role in sorted({*roles, *_alone(holders)})]}},
        "clientScopes": [_about(), *(_client_scope(scope) for scope in holders)],
        "clientScopeMappings": {
            AUDIENCE: [{"clientScope": scope, "roles": list(having)} for scope, having in holders.items()]
        },
        "clients": [_audience(), _docs(holders), _machine(holders)],
        "users": [*(_person(role) for role in roles if role != MACHINE), _account_of_machine()],
    }


def _holders(roles: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Returns the roles that have each scope; one that no role has is a role by itself, which is given by hand."""
    return {
        scope: tuple(role for role, having in roles.items() if role != EVERYTHING and scope in having) or (scope,)
        for scope in sorted(roles[EVERYTHING])
    }


def _alone(holders: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [scope for scope, having in holders.items() if having == (scope,)]


def _client_scope(scope: str) -> dict[str, Any]:
    return {"name": scope, "protocol": "openid-connect", "attributes": {"include.in.token.scope": "true"}}


def _about() -> dict[str, Any]:
    """Returns what puts the subject, the audience and the roles into a token."""
    in_token = {"access.token.claim": "true", "introspection.token.claim": "true"}
    mappers = {
        "subject": ("oidc-sub-mapper", {}),
        "audience": ("oidc-audience-mapper", {"included.client.audience": AUDIENCE}),
        "roles": (
            "oidc-usermodel-client-role-mapper",
            {
                "usermodel.clientRoleMapping.clientId": AUDIENCE,
                "claim.name": "roles",
                "jsonType.label": "String",
                "multivalued": "true",
            },
        ),
    }
    return {
        "name": _ABOUT,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false"},
        "protocolMappers": [
            {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": {**in_token, **config}}
            for name, (kind, config) in mappers.items()
        ],
    }


def _client(name: str, scopes: Iterable[str], **more: Any) -> dict[str, Any]:
    """Returns a client whose tokens are of RFC 9068, and which may do nothing that is not said."""
    attributes = {"access.token.header.type.rfc9068": "true", **more.pop("attributes", {})}
    ways_in = {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "implicitFlowEnabled": False}
    given = {"defaultClientScopes": [_ABOUT, *scopes], "optionalClientScopes": []}
    return {"clientId": name, "protocol": "openid-connect", **ways_in, **given, "attributes": attributes, **more}


def _audience() -> dict[str, Any]:
    """Returns whom tokens are made out for, and whose roles people have; nobody logs in with it."""
    return {"clientId": AUDIENCE, "protocol": "openid-connect", "bearerOnly": True}


def _docs(scopes: Iterable[str]) -> dict[str, Any]:
    """Returns what the pages /docs of the APIs log people in with: it has no secret, so each login has one (PKCE)."""
    ports = [base + each.number for base in (DEFAULT_PORT_BASE, NODE_PORT_BASE) for each in SERVICES]
    origins = [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in ports]
    return _client(
        CLIENT,
        scopes,
        publicClient=True,
        standardFlowEnabled=True,
        redirectUris=[f"{origin}/docs/oauth2-redirect.html" for origin in origins],
        webOrigins=origins,
        attributes={"pkce.code.challenge.method": "S256"},
    )


def _machine(scopes: Iterable[str]) -> dict[str, Any]:
    """Returns a machine, as each has a client of its own: to take one away ends that one alone."""
    return _client(
        MACHINE,
        scopes,
        publicClient=False,
        serviceAccountsEnabled=True,
        clientAuthenticatorType="client-secret",
        secret="${MACHINE_SECRET}",  # noqa: S106 a place that Keycloak fills in
    )


def _person(role: str) -> dict[str, Any]:
    """Returns somebody who has a role; all of them have the password that the chart has made.

    Without names and an address Keycloak would ask for them when they log in for the first time.
    """
    return {
        "username": f"a-{role}",
        "enabled": True,
        "firstName": "A",
        "lastName": role.replace("-", " "),
        "email": f"a-{role}@hospital.example",
        "emailVerified": True,
        "credentials": [{"type": "password", "value": "${PEOPLE_PASSWORD}"}],
        "clientRoles": {AUDIENCE: [role]},
    }


def _account_of_machine() -> dict[str, Any]:
    return {
        "username": f"service-account-{MACHINE}",
        "enabled": True,
        "serviceAccountClientId": MACHINE,
        "clientRoles": {AUDIENCE: [MACHINE]},
    }


def text() -> str:
    """Returns the file that is imported."""
    return json.dumps(realm(roles_of()), indent=1) + "\n"

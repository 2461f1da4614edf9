"""Gives the role of each process its rights in a service's database, after each migration.

What there is to be given is asked of the database: a new table needs no word here, though its service may say one.
Where a process has no role of its own, as in a database of a release before, it works as the owner, and nothing is
given.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from infirmary.postgres.rights import OwnRights, Right, Rights, rights_of
from infirmary.process_roles import Process

_logger = logging.getLogger(__name__)

_ROLES: Final = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)")

_TABLES: Final = text("""
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
  AND pg_has_role(relowner, 'USAGE')
""")
"""A week of an archive is reached through the archive. A table of somebody else's is his to share."""

_GIVEN: Final = text("""
SELECT relname, rolname, privilege_type, '' FROM pg_class, aclexplode(relacl), pg_roles
WHERE relnamespace = current_schema()::regnamespace AND grantee = pg_roles.oid AND rolname = ANY(:roles)
UNION ALL
SELECT relname, rolname, privilege_type, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid,
       aclexplode(attacl), pg_roles
WHERE relnamespace = current_schema()::regnamespace AND grantee = pg_roles.oid AND rolname = ANY(:roles)
""")

_FUNCTIONS: Final = text("""
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
  AND NOT has_function_privilege(CAST(:role AS name), oid, 'EXECUTE')
""")
"""What a migration has made for a consumer, which may not do it by itself."""

_quoted = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]

Given = Mapping[tuple[str, str], Rights]
"""What a role was given, by role and table."""


def grant_rights(connection: Connection, own: OwnRights = MappingProxyType({})) -> None:
    """Gives each role what it should have and takes what it should not, all in one transaction.

    Args:
        connection: As the owner.
        own: What the service says of its own tables.
    """
    database = connection.execute(text("SELECT current_database()")).scalar_one()
    names = {process.role_in(database): process for process in Process}
    there = connection.execute(_ROLES, {"roles": list(names)}).scalars().all()
    roles = {name: process for name, process in names.items() if name in there}
    if len(roles) < len(names):
        lacking = ", ".join(name for name in names if name not in roles)
        _logger.info("there is no role %s: the process works as the owner of its tables", lacking)
    tables = connection.execute(_TABLES).scalars().all()
    for statement in statements(roles, tables, _given(connection, roles), own):
        connection.exec_driver_sql(statement)
    for name, process in roles.items():
        if process is Process.CONSUMER:
            for function in connection.execute(_FUNCTIONS, {"role": name}).scalars().all():
                connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function} TO {_quoted(name)}")
    connection.commit()


def statements(
    roles: Mapping[str, Process], tables: Iterable[str], given: Given, own: OwnRights = MappingProxyType({})
) -> list[str]:
    """Returns what makes the rights of the roles those that they should have; nothing where they have them. Pure.

    Args:
        roles: The processes, by the names of their roles.
        tables: Of the service's database.
        given: What the roles have.
        own: What the service says of its own tables.
    """
    found: list[str] = []
    for table in sorted(tables):
        for role, process in roles.items():
            have, should = given.get((role, table), frozenset()), rights_of(process, table, own)
            if too_many := have - should:
                found.append(f"REVOKE {_listed(too_many)} ON {_quoted(table)} FROM {_quoted(role)}")
            if lacking := should - have:
                found.append(f"GRANT {_listed(lacking)} ON {_quoted(table)} TO {_quoted(role)}")
    return found


def _listed(rights: Rights) -> str:
    return ", ".join(
        f"{right.privilege} ({_quoted(right.column)})" if right.column else right.privilege for right in sorted(rights)
    )


def _given(connection: Connection, roles: Iterable[str]) -> Given:
    given: dict[tuple[str, str], set[Right]] = defaultdict(set)
    for table, role, privilege, column in connection.execute(_GIVEN, {"roles": list(roles)}):
        given[role, table].add(Right(privilege, column))
    return given

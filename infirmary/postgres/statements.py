"""Statements that are built with SQLAlchemy Core from a service's tables, and compiled once, where they are written.

What comes out is a text for psycopg with `%(name)s` for each value: to run it costs nothing more than SQL written by
hand, and a column that the tables do not have ends the import.

    _FIND = compiled(sa.select(*fields_of(Ward, wards)).where(is_given(wards.c.ward_id)))

    def find(db: Query, ward_id: str) -> Ward | None:
        return db.one(Ward, _FIND, ward_id=ward_id)
"""

import warnings
from dataclasses import fields, is_dataclass
from typing import Any, Final, LiteralString, cast

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.sql.expression import BindParameter, ColumnElement
from sqlalchemy.sql.visitors import replacement_traverse

_PSYCOPG: Final = dialect()  # type: ignore[no-untyped-call]
_SQL: Final = dialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""In which a percent sign is one."""

_LIMIT_NAMES: Final = {"ck": "%(table_name)s_%(constraint_name)s_limit"}


class Uncompilable(TypeError):
    """A statement cannot be compiled once for all its values."""


def new_metadata() -> sa.MetaData:
    """Returns an empty collection of a service's tables; its limits are named as `migration_steps.limit` does."""
    return sa.MetaData(naming_convention=_LIMIT_NAMES)


def compiled(statement: sa.Executable) -> LiteralString:
    """Returns a statement as psycopg takes it, with the name of each `sa.bindparam` for its value.

    Values that the statement itself holds are written into it.

    Raises:
        Uncompilable: It has another text for other values, as `IN` has, or a value that only SQLAlchemy can convert;
            or an upsert sets a column that the table does not have.
        sqlalchemy.exc.CompileError: It names columns that the table does not have.
    """
    text = _compile(replacement_traverse(cast("Any", statement), {}, _written))
    for value in text.bind_names:
        if not value.required:
            raise Uncompilable(f"{value.key} is always {value.value!r}: say so with sa.literal({value.value!r})")
        if value.expanding:
            raise Uncompilable(
                f"{value.key}: IN has a text of its own for each number of values; write = ANY of a list"
            )
        if _is_converted(value.type):
            raise Uncompilable(f"{value.key}: psycopg takes no {value.type!r} as Python has it")
    return str(text)


def fields_of(kind: type[Any], table: sa.FromClause, **others: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Returns what is to be selected so that a row becomes a dataclass or a model, in the order of its fields.

    Args:
        kind: The class; each of its fields is a column of the table, by its key.
        table: The table.
        others: Those that are none.

    Raises:
        Uncompilable: A field is neither.
    """
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(_model(kind).model_fields)
    for name in names:
        if name not in others and name not in table.c:
            raise Uncompilable(f"{kind.__name__}.{name}: there is no column {table.description}.{name}")
    columns = [others.get(name, table.c.get(name)) for name in names]
    return [
        column if getattr(column, "name", None) == name else column.label(name)
        for name, column in zip(names, columns, strict=True)
        if column is not None
    ]


def values_of(row: object) -> dict[str, Any]:
    """Returns the values of a dataclass' fields by their names, as a statement with `given` takes them."""
    return {name: getattr(row, name) for name in cast("Any", row).__dataclass_fields__}


def json_rows(query: sa.Select[Any], order_by: str) -> ColumnElement[Any]:
    """Returns the rows of a query as one value of the row that they belong to: a list of JSON objects.

    Args:
        query: Gives the rows; it correlates what it takes of the statement around it.
        order_by: By which of their columns they are sorted.
    """
    rows = query.subquery("rows")
    return sa.func.array(sa.select(sa.func.to_jsonb(rows.table_valued())).order_by(rows.c[order_by]).scalar_subquery())


def is_given(column: sa.Column[Any]) -> ColumnElement[bool]:
    """Returns the condition that a column is the value of its name."""
    return column == sa.bindparam(column.key, type_=column.type)


def given(*columns: ColumnElement[Any]) -> dict[str, BindParameter[Any]]:
    """Returns what an INSERT or UPDATE sets: each of the columns to the value of its name.

    An INSERT without it fills every column of the table, also one that was added since and of which the code knows
    nothing: `given(*fields_of(Ward, wards))` fills those that a `Ward` has.
    """
    return {str(column.key): sa.bindparam(str(column.key), type_=column.type) for column in columns}


def _compile(statement: sa.Executable) -> Any:
    """Compiles a statement; what SQLAlchemy only warns of is an error: its SQL would fail when it is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", sa.exc.SAWarning)
        try:
            return cast("Any", statement).compile(dialect=_PSYCOPG)
        except sa.exc.SAWarning as warned:
            raise Uncompilable(str(warned)) from None


def _is_converted(kind: sa.types.TypeEngine[Any]) -> bool:
    """Says whether SQLAlchemy changes values of a type before the driver has them.

    A boolean's it only checks, and an array it only makes a list, which the driver is given already.
    """
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.ARRAY):
        return _is_converted(kind.item_type)
    return kind.dialect_impl(_PSYCOPG).bind_processor(_PSYCOPG) is not None


def _written(element: Any, **_: Any) -> ColumnElement[Any] | None:
    """Returns what stands for a value that the statement holds: the value as SQL has it. None for anything else."""
    if not isinstance(element, BindParameter) or element.required:
        return None
    value = sa.literal(element.value) if isinstance(element.type, sa.types.NullType) else element
    return sa.literal_column(str(value.compile(dialect=_SQL, compile_kwargs={"literal_binds": True})), value.type)


def _model(kind: type[Any]) -> type[BaseModel]:
    if not issubclass(kind, BaseModel):
        raise Uncompilable(f"{kind.__name__} has no fields: it is neither a dataclass nor a model")
    return kind

"""Statements are compiled once, with a place for each value; what the tables do not have ends the import."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql

from infirmary.postgres.statements import (
    Uncompilable,
    compiled,
    fields_of,
    given,
    is_given,
    json_rows,
    new_metadata,
    values_of,
)


class OrderColumns(sa.TypedColumns):
    """An order; its customer's column has another name in the database than in the code."""

    order_id = sa.Column(sa.Uuid(), primary_key=True)
    customer = sa.Column("customer_name", sa.Text, key="customer", nullable=False)
    boxes = sa.Column(sa.Integer, nullable=False)
    details = sa.Column(postgresql.JSONB)
    paid = sa.Column(sa.Boolean)


orders = sa.Table("orders", new_metadata(), OrderColumns, sa.CheckConstraint("boxes > 0", "boxes"))


@dataclass(frozen=True, slots=True)
class Order:
    order_id: UUID
    customer: str


class Counted(BaseModel):
    customer: str
    total: int


def text(statement: sa.Executable) -> str:
    return " ".join(compiled(statement).split())


def test_each_value_has_the_name_of_its_column_in_the_code() -> None:
    query = sa.select(*fields_of(Order, orders)).where(is_given(orders.c.customer)).limit(sa.bindparam("rows"))
    assert text(query.with_for_update()) == (
        "SELECT orders.order_id, orders.customer_name AS customer FROM orders"
        " WHERE orders.customer_name = %(customer)s::VARCHAR LIMIT %(rows)s FOR UPDATE"
    )
    change = sa.update(orders).where(is_given(orders.c.order_id)).values(given(orders.c.customer, orders.c.boxes))
    assert text(change) == (
        "UPDATE orders SET customer_name=%(customer)s::VARCHAR, boxes=%(boxes)s::INTEGER"
        " WHERE orders.order_id = %(order_id)s::UUID"
    )


def test_a_field_that_is_no_column_is_said_otherwise() -> None:
    query = sa.select(*fields_of(Counted, orders, total=sa.func.count())).group_by(orders.c.customer)
    assert text(query) == (
        "SELECT orders.customer_name AS customer, count(*) AS total FROM orders GROUP BY orders.customer_name"
    )
    with pytest.raises(Uncompilable, match=r"Counted.total: there is no column orders.total"):
        fields_of(Counted, orders)


def test_what_has_no_fields_cannot_be_selected() -> None:
    with pytest.raises(Uncompilable, match="str has no fields"):
        fields_of(str, orders)


def test_a_column_that_the_table_does_not_have_is_no_column() -> None:
    with pytest.raises(AttributeError, match="boxs"):
        given(orders.c.boxs)
    with pytest.raises(sa.exc.CompileError, match="boxs"):
        compiled(sa.insert(orders).values(boxs=sa.bindparam("boxs"), **given(orders.c.order_id)))


@pytest.mark.filterwarnings("default")
def test_a_column_that_an_upsert_sets_has_to_be_there_too() -> None:
    upsert = postgresql.insert(orders).on_conflict_do_update(index_elements=["order_id"], set_={"boxs": 1})
    with pytest.raises(Uncompilable, match="boxs"):
        compiled(upsert)


@for_all(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_value_that_never_changes_is_written_into_the_statement(value: str) -> None:
    statement = compiled(sa.select(orders.c.boxes).where(orders.c.customer == value, is_given(orders.c.boxes)))
    quoted = value.replace("'", "''").replace("%", "%%")
    assert f"orders.customer_name = '{quoted}' AND orders.boxes = %(boxes)s" in statement


def test_values_of_an_insert_and_an_upsert_may_be_fixed_too() -> None:
    new = postgresql.insert(orders).values(customer=sa.literal("Ada"), **given(orders.c.order_id))
    assert text(new.on_conflict_do_update(index_elements=[orders.c.order_id], set_={"boxes": 1})) == (
        "INSERT INTO orders (order_id, customer_name) VALUES (%(order_id)s::UUID, 'Ada')"
        " ON CONFLICT (order_id) DO UPDATE SET boxes = 1"
    )


def test_rows_of_another_query_are_one_value() -> None:
    lines = sa.select(orders.c.boxes).where(orders.c.customer == sa.bindparam("who"))
    assert text(sa.select(json_rows(lines, "boxes").label("lines"))) == (
        "SELECT array((SELECT to_jsonb(rows) AS to_jsonb_1 FROM (SELECT orders.boxes AS boxes FROM orders"
        " WHERE orders.customer_name = %(who)s::VARCHAR) AS rows ORDER BY rows.boxes)) AS lines"
    )


def test_what_has_another_text_for_other_values_is_refused() -> None:
    numbers: sa.BindParameter[int] = sa.bindparam("numbers", expanding=True)
    with pytest.raises(Uncompilable, match="numbers: IN has a text of its own for each number of values"):
        compiled(sa.select(orders.c.order_id).where(orders.c.boxes.in_(numbers)))


def test_what_only_sqlalchemy_can_convert_is_refused() -> None:
    with pytest.raises(Uncompilable, match="details: psycopg takes no JSONB"):
        compiled(sa.update(orders).values(given(orders.c.details)))


def test_what_sqlalchemy_only_checks_is_taken() -> None:
    assert text(sa.update(orders).values(given(orders.c.paid))) == "UPDATE orders SET paid=%(paid)s"


def test_a_list_is_taken_of_what_is_taken_and_of_nothing_else() -> None:
    boxes, details = (
        sa.select(sa.bindparam(column.key, type_=sa.ARRAY(column.type)))
        for column in (orders.c.boxes, orders.c.details)
    )
    assert "%(boxes)s::INTEGER[]" in text(boxes)
    with pytest.raises(Uncompilable, match="details: psycopg takes no ARRAY"):
        compiled(details)


def test_the_values_of_a_row_are_those_of_its_fields() -> None:
    order = Order(uuid4(), "Ada")
    assert values_of(order) == {"order_id": order.order_id, "customer": "Ada"}


def test_limits_are_named_as_migrations_name_them() -> None:
    assert {each.name for each in orders.constraints if isinstance(each, sa.CheckConstraint)} == {"orders_boxes_limit"}

"""What a client notes of its own operations, from several threads at once."""

from uuid import uuid4

from audit.ledger import Counted, Ledger


def test_two_stocktakes_at_once_each_know_of_the_dispensings_under_way_meanwhile() -> None:
    ledger, early, late = Ledger(), uuid4(), uuid4()
    first, second = ledger.counting("a", 1), ledger.counting("b", 2)
    first.__enter__()
    second.__enter__()
    ledger.dispensing_asked(early)
    second.__exit__(None, None, None)
    ledger.dispensing_asked(late)
    first.__exit__(None, None, None)
    counted = {each.code: each.in_flight for each in ledger.stock if isinstance(each, Counted)}
    assert counted == {"a": {early, late}, "b": {early}}

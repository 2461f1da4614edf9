"""What a fetch asks of PostgreSQL: pure."""

from collections.abc import Set as AbstractSet

from infirmary_relay import assignment
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_backlog import digests
from infirmary_relay.sources.postgres_types import Ids, IdSet
from infirmary_relay.sources.source import HeldBack


def next_rows(
    owned: AbstractSet[int],
    held_back: HeldBack,
    *,
    floor: int,
    in_flight: AbstractSet[int],
    confirmed: Ids,
    inline_bytes: int,
    limit: int,
    only_ids: bool,
) -> tuple[str, dict[str, object]]:
    """The statement that reads the next rows above the floor and deletes the confirmed, and its values.

    Args:
        owned: The partitions from which rows may come.
        held_back: What is left out.
        floor: The id above which to look.
        in_flight: What is left out as well, being under way.
        confirmed: What to delete.
        inline_bytes: Bodies up to this size come with their rows.
        limit: How many rows at the most.
        only_ids: Whether nothing but their ids is wanted.
    """
    statement = statements.fetch(
        deleting=bool(confirmed),
        sharing=len(owned) < assignment.PARTITIONS,
        without_subjects=bool(held_back.subjects),
        without_targets=bool(held_back.targets),
        without_digests=bool(digests(held_back)),
        only_ids=only_ids,
    )
    return statement, {
        "confirmed": confirmed,
        "floor": floor,
        "in_flight": IdSet(sorted(in_flight)),
        "partitions": sorted(owned),
        "subjects": list(held_back.subjects),
        "digests": digests(held_back),
        "targets": list(held_back.targets),
        "inline_bytes": inline_bytes,
        "rows": limit,
    }

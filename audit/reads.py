"""Which logs there are, and who has to read them."""

from collections.abc import Iterable, Mapping, Sequence

from audit.addresses import Address
from audit.hospital import READS
from audit.log_parts import is_of_commands


def reads_of(addresses: Iterable[Address]) -> dict[str, Sequence[str]]:
    """Returns the stems of the logs that each service has to read at least."""
    return {**READS, **{each.service: each.reads for each in addresses if each.reads}}


def logs_of(addresses: Mapping[str, Address]) -> list[str]:
    """Returns the stems of all logs that are known beforehand: each service's events, and what it is sent by others."""
    named = (each.reads for each in addresses.values())  # some are the whole of what it reads, some are added
    read = {stem for stems in (*READS.values(), *named) for stem in stems}
    return [*addresses, *sorted(stem for stem in read if is_of_commands(stem))]

"""Says who sends a request, or refuses it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infirmary.identity.bearer import token_in
from infirmary.identity.caller import Caller
from infirmary.identity.key_cache import KeyCache
from infirmary.identity.keys import PublicKey
from infirmary.identity.provider import Provider
from infirmary.identity.refusal import Refused
from infirmary.identity.tokens import Expected, Good, checked, key_name

_MOST_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A token that was found good, and by which key: with another key in its place it has to be looked at again."""

    name: str
    key: PublicKey
    good: Good


class Gate:
    """Lets in whoever bears a good token of one issuer for one audience. Safe to use from all threads.

    A token that was found good is remembered until it is over: to check its signature takes longer than to answer.
    """

    def __init__(self, expected: Expected, keys: KeyCache, clock: Callable[[], float] = time.time) -> None:
        """Puts together what decides.

        Args:
            expected: Whose tokens count, and whom they have to be for.
            keys: The issuer's.
            clock: Seconds since 1970.
        """
        self._expected, self._keys, self._clock = expected, keys, clock
        self._remembered: dict[str, _Remembered] = {}

    def caller(self, authorization: str | None) -> Caller:
        """Returns who asks.

        Args:
            authorization: The value of the request's header.

        Raises:
            Refused: That is not known.
            KeysMissing: It cannot be found out now.
        """
        token = token_in(authorization)
        known = self._remembered.get(token)
        name = key_name(token) if known is None else known.name
        key = self._keys.find(name)
        if known is not None and known.key is key and self._clock() < known.good.until_s:
            return known.good.caller
        good = checked(token, key, self._expected, int(self._clock()))
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered = {}
        self._remembered[token] = _Remembered(name, key, good)
        return good.caller

    def known_subject(self, authorization: str | None) -> str | None:
        """Returns who bears a token that was found good before and is not over; None for any other. It costs nothing.

        Args:
            authorization: The value of the request's header.
        """
        try:
            known = self._remembered.get(token_in(authorization))
        except Refused:
            return None
        return None if known is None or self._clock() >= known.good.until_s else known.good.caller.subject

    def close(self) -> None:
        """Stops asking the issuer for its keys."""
        self._keys.close()


def gate_of(provider: Provider, audience: str) -> Gate:
    """Returns the gate for a provider's tokens, which begins to fetch its keys."""
    keys = KeyCache(provider.fetch_keys)
    keys.start()
    return Gate(Expected(provider.issuer, audience), keys)

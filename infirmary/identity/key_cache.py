"""Keeps the provider's keys, and decides when to ask it for them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from infirmary.identity.freshness import Freshness
from infirmary.identity.keys import Keys, PublicKey
from infirmary.identity.refusal import KeysMissing, invalid_token

UNKNOWN_EVERY_S: Final = 60.0
"""A key that is not known is asked for no more often, or made-up names would have us ask all day."""

FIRST_EVERY_S: Final = 1.0
"""Until the provider has answered for the first time."""

AGAIN_AFTER_S: Final = 300.0
"""After which keys are fetched again: one that the provider has taken back is believed for no longer."""

WAITS_S: Final = 1.0
"""For what another thread is asking. A provider that hangs must not keep every thread from those whose key is known."""

_logger = logging.getLogger(__name__)


def pause_s(has_keys: bool) -> float:
    """Returns how long to wait after one fetch before the next that nobody has asked for."""
    return AGAIN_AFTER_S if has_keys else FIRST_EVERY_S


def is_due(since_last_s: float | None, has_keys: bool) -> bool:
    """Says whether the provider may be asked for a key that is not known.

    Args:
        since_last_s: How long ago it was asked; None for never.
        has_keys: Whether it has ever answered.
    """
    return since_last_s is None or since_last_s >= (UNKNOWN_EVERY_S if has_keys else FIRST_EVERY_S)


class KeyCache:
    """The keys that were fetched last; while the provider is away, those known go on. Safe to use from all threads."""

    def __init__(self, fetch: Callable[[], Keys], clock: Callable[[], float] = time.monotonic) -> None:
        """Fetches nothing yet.

        Args:
            fetch: Asks the provider; raises OSError or ValueError when it does not answer well.
            clock: Seconds, which never go back.
        """
        self._fetch, self._clock = fetch, clock
        self._keys: Keys | None = None
        self._asked_at: float | None = None
        self._freshness = Freshness()
        self._asking = threading.Lock()
        self._closing = threading.Event()

    def start(self) -> None:
        """Fetches the keys now and again from a thread of its own, so that requests seldom wait for them."""
        threading.Thread(target=self._keep_fresh, name="provider's keys", daemon=True).start()

    def close(self) -> None:
        """Ends the thread after what it does now."""
        self._closing.set()

    def find(self, name: str) -> PublicKey:
        """Returns a key, asking the provider for it if need be.

        Raises:
            Refused: It has no such key, or had none when it was asked last.
            KeysMissing: It has never answered.
        """
        key = self._known(name)
        if key is None:
            self._ask_if_due(name)
            key = self._known(name)
        if key is not None:
            return key
        if self._keys is None:
            raise KeysMissing("the identity provider has not been reached yet, so nobody's token can be checked")
        raise invalid_token("the access token is signed by a key that its issuer does not have")

    def _known(self, name: str) -> PublicKey | None:
        return None if self._keys is None else self._keys.get(name)

    def _ask_if_due(self, name: str) -> None:
        if not self._asking.acquire(timeout=WAITS_S):
            return
        try:  # whoever has waited here finds what another one has fetched
            if self._known(name) is None and is_due(self._since_last_s(), self._keys is not None):
                self._ask()
        finally:
            self._asking.release()

    def _since_last_s(self) -> float | None:
        return None if self._asked_at is None else self._clock() - self._asked_at

    def _ask(self) -> None:
        try:
            self._keys = self._fetch()
            self._freshness.fetched()
        except (OSError, ValueError) as error:
            self._freshness.failed()
            known = "those known go on" if self._keys else "none is known, so every request is answered 503"
            _logger.warning("the identity provider's keys could not be fetched: %s; %s", error, known)
        finally:
            self._asked_at = self._clock()

    def _keep_fresh(self) -> None:
        while not self._closing.is_set():
            with self._asking:
                self._ask()
            self._closing.wait(pause_s(self._keys is not None))

"""Declares targets beside the loop: a queue without a leader lets a declaration wait, and nothing else should wait."""

import threading
from collections.abc import Callable

from relay.broker.errors import BrokerLostError

IS_THERE = ""


class Declarer:
    """Declares one target at a time for each name, in a thread."""

    def __init__(self, declare: Callable[[str], str | None]) -> None:
        self._declare = declare
        self._asked: dict[str, str | None] = {}

    def ask(self, target: str) -> str | None:
        """Returns IS_THERE or why the target can not be declared, once; None while that is being found out."""
        if target not in self._asked:
            self._asked[target] = None
            threading.Thread(target=self._find_out, args=(target,), daemon=True).start()
        answer = self._asked[target]
        if answer is not None:
            del self._asked[target]
        return answer

    def _find_out(self, target: str) -> None:
        try:
            self._asked[target] = self._declare(target) or IS_THERE
        except BrokerLostError as failed:
            self._asked[target] = str(failed)

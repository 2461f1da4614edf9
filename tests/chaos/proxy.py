"""A TCP proxy that can be told to be a bad network: put in front of RabbitMQ and PostgreSQL."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from local.ports import LOOPBACK, free_port

_READ_BYTES = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Way(Enum):
    """A direction."""

    UP = "to the server"
    DOWN = "to the client"


class Proxy:
    """Passes everything on, until told otherwise; works in a thread of its own.

    Attributes:
        port: Where it listens.
        swallowed_bytes: What was thrown away, by direction.
    """

    def __init__(self, server_port: int) -> None:
        """Prepares a proxy in front of a server on this machine."""
        self.port = free_port()
        self.swallowed_bytes = dict.fromkeys(Way, 0)
        self._server_port = server_port
        self._delay_s = 0.0
        self._refusing = False
        self._swallowing: frozenset[Way] = frozenset()
        self._open = {way: asyncio.Event() for way in Way}
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(self._abort_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, url: str) -> str:
        """Returns the URL of the server as one that leads through the proxy."""
        parts = urlsplit(url)
        account, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{account}@{host.rpartition(':')[0]}:{self.port}"))

    def reset(self) -> None:
        """Breaks every connection; new ones are welcome."""
        self._tell(self._abort_all)

    def cut(self) -> None:
        """Breaks every connection and lets no new one through until `restore`."""
        self._refusing = True
        self.reset()

    def hold(self, *ways: Way) -> None:
        """Lets nothing through in these directions: the connections stay, half open, and what is sent waits."""
        self._tell(lambda: self._close_gates(ways or Way))

    def swallow(self, *ways: Way) -> None:
        """Throws away what is sent in these directions. Connections are of no use afterwards: `reset` them."""
        self._swallowing = frozenset(ways)

    def slow_down(self, delay_s: float) -> None:
        """Makes every piece of data wait."""
        self._delay_s = delay_s

    def restore(self) -> None:
        """Passes everything on again; what was held back goes first."""
        self._tell(self._pass_on)

    def _close_gates(self, ways: Iterable[Way]) -> None:
        for way in ways:
            self._open[way].clear()

    def _pass_on(self) -> None:
        self._refusing, self._delay_s, self._swallowing = False, 0.0, frozenset()
        for way in Way:
            self._open[way].set()

    def _tell(self, what: Callable[[], object]) -> None:
        """Has something done in the proxy's thread, and waits until it is."""
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        if not done.wait(10):
            raise TimeoutError("the proxy's thread does not answer")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def _next_port(self) -> int:
        """Returns where the next connection leads."""
        return self._server_port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _abort(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._next_port())
        except OSError:
            _abort(writer)
            return
        ends = {writer, server_writer}
        self._writers |= ends
        up = asyncio.ensure_future(self._pump(reader, server_writer, Way.UP))
        down = asyncio.ensure_future(self._pump(server_reader, writer, Way.DOWN))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        # Whatever one side sent before it closed has gone through; nothing holds the other one any more.
        for pump in (up, down):
            pump.cancel()
        for end in ends:
            self._writers.discard(end)
            end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                await self._open[way].wait()
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if way in self._swallowing:
                    self.swallowed_bytes[way] += len(data)
                    continue
                writer.write(data)
                await writer.drain()

    def _abort_all(self) -> None:
        for writer in list(self._writers):
            _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crashed machine would: with a reset, and without what was still to be sent."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()

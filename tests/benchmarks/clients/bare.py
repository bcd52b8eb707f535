"""The limit of pure Python.

Bare loops over a blocking socket, without any of the features of a client.
"""

from __future__ import annotations

import socket
import time
from itertools import repeat
from typing import TYPE_CHECKING, Any

from tests.benchmarks.clients.measuring import Meter, in_a_thread, latencies, rest, run
from tests.benchmarks.server import SECRET, USER

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES = 2**16


# --- work on frames ---


class _Unread:
    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def take_names(frames: list[bytes]) -> None:
    for frame in frames:
        if frame[7 : frame.find(b"\r\n")] == b"Hangup":
            _Unread(frame)


def take_three(frames: list[bytes]) -> None:
    for frame in frames:
        frame[7 : frame.find(b"\r\n")].decode()
        for needle in (b"\r\nUniqueid: ", b"\r\nChannel: "):
            start = frame.find(needle) + len(needle)
            frame[start : frame.find(b"\r\n", start)].decode()


def take_all(frames: list[bytes]) -> None:
    separators, once = repeat(": "), repeat(1)
    for frame in frames:
        lines = frame.decode().split("\r\n")
        if len(dict(map(str.split, lines, separators, once))) != len(lines):
            raise AssertionError("no event of ours repeats a header.")


def _take_naively(frames: list[bytes]) -> None:
    for frame in frames:
        headers = {}
        for line in frame.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            headers[key] = value


class ByHand:
    """Calls as people track them who write it themselves: all headers, and a dict per channel."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, str]] = {}
        self.bridges: dict[str, set[str]] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.told = 0

    def take(self, event: dict[str, str]) -> None:
        name, uniqueid = event["Event"], event.get("Uniqueid", "")
        if name == "DialBegin":
            self.channels.setdefault(event["DestUniqueid"], {}).update(
                {key[4:]: value for key, value in event.items() if key.startswith("Dest")}
            )
        if not uniqueid:
            return
        if name == "Hangup":
            self._hang_up(uniqueid, event)
            return
        self.channels.setdefault(uniqueid, {}).update(event)
        call = self.calls.setdefault(event.get("Linkedid", uniqueid), {"channels": set()})
        call["channels"].add(uniqueid)
        call["state"] = event.get("ChannelStateDesc", "")
        if name == "BridgeEnter":
            members = self.bridges.setdefault(event["BridgeUniqueid"], set())
            members.add(uniqueid)
            if len(members) == 2 and "answered" not in call:
                call["answered"] = time.time()
                self.told += 1
        elif name == "BridgeLeave":
            self.bridges.get(event["BridgeUniqueid"], set()).discard(uniqueid)

    def _hang_up(self, uniqueid: str, event: dict[str, str]) -> None:
        channel = self.channels.pop(uniqueid, event)
        call = self.calls.get(channel.get("Linkedid", uniqueid))
        if call is not None:
            call["channels"].discard(uniqueid)
            if not call["channels"]:
                del self.calls[channel.get("Linkedid", uniqueid)]
                self.told += 1


# --- the tasks ---


def _connect(port: int) -> socket.socket:
    """Logged in, and everything read that belongs to that."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(f"Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\n\r\n".encode())
    data = b""
    while not data.endswith(b"Status: Fully Booted\r\n\r\n"):
        data += sock.recv(_READ_BYTES)
    return sock


def _flood(port: int, events: int, consume: Callable[[list[bytes]], object]) -> dict[str, Any]:
    """Give a function the frames that complete with each read."""
    with _connect(port) as sock:
        meter = Meter(events)
        sock.sendall(b"Action: Flood\r\nCount: %d\r\n\r\n" % events)
        left, rest = events + 1, b""  # the answer is a frame, too
        while left:
            frames = (rest + sock.recv(_READ_BYTES)).split(b"\r\n\r\n")
            rest = frames.pop()
            left -= len(frames)
            consume(frames)
        meter.end()
    return meter.result()


def recv(port: int, events: int) -> dict[str, Any]:
    """Nothing but reading."""
    with _connect(port) as sock:
        meter = Meter(events)
        sock.sendall(b"Action: Flood\r\nCount: %d\r\n\r\n" % events)
        data = sock.recv(_READ_BYTES)
        head, _, body = data.partition(b"\r\n\r\n")
        left = size = int(head.rpartition(b"Bytes: ")[2])
        left -= len(body)
        while left:
            left -= len(sock.recv(_READ_BYTES))
        meter.end()
    return meter.result(bytes=size)


def framing(port: int, events: int) -> dict[str, Any]:
    """Split at the empty line."""
    return _flood(port, events, len)


def objects(port: int, events: int) -> dict[str, Any]:
    """An object for every event, which nobody looks at."""
    return _flood(port, events, lambda frames: [_Unread(frame) for frame in frames])


def names(port: int, events: int) -> dict[str, Any]:
    """The name of every event is taken; one kind of them is wanted."""
    return _flood(port, events, take_names)


def lazy(port: int, events: int) -> dict[str, Any]:
    """The name and two headers, searched for in the bytes."""
    return _flood(port, events, take_three)


def best_dict(port: int, events: int) -> dict[str, Any]:
    """Every header into a dict, in the best form that was found, which keeps what is repeated."""
    return _flood(port, events, take_all)


def naive_dict(port: int, events: int) -> dict[str, Any]:
    """Every header into a dict, line by line, as one would write it first."""
    return _flood(port, events, _take_naively)


def by_hand(port: int, blocks: int) -> dict[str, Any]:
    """A flood of recorded calls, read line by line into a dict for each event."""
    tracker = ByHand()
    with _connect(port) as sock, sock.makefile("r", encoding="utf-8", errors="replace") as lines:
        meter = Meter()
        sock.sendall(b"Action: FloodOfCalls\r\nBlocks: %d\r\n\r\n" % blocks)
        event: dict[str, str] = {}
        for line in lines:
            line = line.strip()
            if line:
                key, _, value = line.partition(":")
                event[key.strip()] = value.strip()
                continue
            if event.get("UserEvent") == "End":
                break
            if "Event" in event:
                tracker.take(event)
            event = {}
        meter.expected = int(event["Events"])
        meter.end()
    return meter.result(told=tracker.told)


@in_a_thread
def ping(port: int, pings: int, pause: float = 0) -> dict[str, Any]:
    """One action after the other, with a blocking socket and nothing else."""
    taken = []
    with _connect(port) as sock:
        meter = Meter(pings)
        for number in range(pings):
            begun = time.perf_counter()
            sock.sendall(b"Action: Ping\r\nActionID: %d\r\n\r\n" % number)
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += sock.recv(_READ_BYTES)
            taken.append(time.perf_counter() - begun)
            rest(pause)
        meter.end()
    return meter.result(**latencies(taken))


if __name__ == "__main__":
    run((recv, framing, objects, names, lazy, best_dict, naive_dict, by_hand, ping))

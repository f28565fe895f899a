"""Faults that somebody armed on purpose, and which request meets which.

A fault is a value; what it does to bytes happens in http.py, what it does to output in
`mangled`. Faults that concern the node's world (exit codes, reboots) are the world's own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock

from runbook_lib.lab.answers import Bag, Invocation, SecretText

WIRE_ACTS = frozenset(
    {
        "refuse",
        "reset",
        "hang",
        "status",
        "plain",
        "garbage",
        "duplicate",
        "drop_fragment",
        "slow",
        "redirect",
    }
)
WORLD_ACTS = frozenset(
    {"exit", "return", "reboot", "power_loss", "swap_identity", "no_reboot", "no_return"}
)
MOMENTS = ("before", "after_effect", "mid_reply")
_FRAGMENT = struct.Struct(">QQBI")
_PIPELINE_OUTPUT = 0x00041004
_BROKEN_CLIXML = b'<Obj RefId="0"><TN RefId="0"><T>System.Object</T></TN><MS><S N="a">b</MS>'


class FaultRequestError(ValueError):
    """A fault was asked for in a form that means nothing."""


@dataclass(frozen=True)
class WireFault:
    """One fault on the wire.

    match: part of a script's name, a command, a WMI method or a text parameter; or "wsman:create"
    and the like for a request that is no pipeline. Empty matches every pipeline.
    nth: which match it is, from 1; it lasts for `times` matches.
    act, value: "status" and "503" for status:503.
    """

    act: str
    value: str = ""
    node: str = ""
    match: str = ""
    nth: int = 1
    times: int = 1
    when: str = "before"

    @classmethod
    def from_json(cls, wanted: Mapping[str, object]) -> WireFault:
        """Return the fault a control request asks for; raise FaultRequestError if it is none."""
        act, _, value = str(wanted.get("do", "")).partition(":")
        when = str(wanted.get("when", "before"))
        nth, times = wanted.get("nth", 1), wanted.get("times", 1)
        if act not in WIRE_ACTS:
            raise FaultRequestError(f"no such fault: {act or 'nothing'}")
        if when not in MOMENTS:
            raise FaultRequestError(f"no such moment: {when}")
        if not (isinstance(nth, int) and isinstance(times, int) and nth > 0 and times > 0):
            raise FaultRequestError("nth and times are numbers from 1")
        if act == "status" and not (value.isdigit() and 100 <= int(value) <= 599):
            raise FaultRequestError("status needs a number, as in status:503")
        if act == "redirect" and not value:
            raise FaultRequestError("redirect needs an address, as in redirect:http://...")
        return cls(
            act=act,
            value=value,
            node=str(wanted.get("node") or ""),
            match=str(wanted.get("match") or ""),
            nth=nth,
            times=times,
            when=when,
        )

    def meets(self, node: str, text: str) -> bool:
        """Tell whether a request of `node` that reads as `text` is one of those meant."""
        if self.node and self.node.lower() != node.lower():
            return False
        if not self.match:
            return not text.startswith("wsman:")
        return self.match.lower() in text.lower()


class WireFaults:
    """The faults armed at present. Any thread may ask."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = Lock()
        self._armed: list[WireFault] = []
        self._seen: list[int] = []
        self._disarmed = Event()

    @property
    def disarmed(self) -> Event:
        """Return the event that is set when the faults armed now are taken back."""
        return self._disarmed

    def arm(self, fault: WireFault) -> None:
        """From now on, let requests meet `fault`."""
        with self._lock:
            self._armed.append(fault)
            self._seen.append(0)

    def disarm(self) -> None:
        """Take all faults back and let go of what hangs because of them."""
        with self._lock:
            self._armed.clear()
            self._seen.clear()
            self._disarmed.set()
            self._disarmed = Event()

    def meet(self, node: str, text: str) -> WireFault | None:
        """Return the fault that this request meets; each call counts as one match."""
        with self._lock:
            met = None
            for index, fault in enumerate(self._armed):
                if not fault.meets(node, text):
                    continue
                self._seen[index] += 1
                if met is None and 0 <= self._seen[index] - fault.nth < fault.times:
                    met = fault
            return met


def text_of(invocation: Invocation) -> str:
    """Return what faults are matched against: label, cmdlet, and the parameters' plain texts."""
    parts = [invocation.label, "" if invocation.is_script else invocation.command]
    _texts(invocation.parameters, parts)
    return " ".join(part for part in parts if part)


def mangled(chunks: Sequence[bytes], fault: WireFault) -> list[bytes]:
    """Return output as `fault` leaves it; faults that do not touch output change nothing."""
    fragments = [fragment for chunk in chunks for fragment in _fragments(chunk)]
    if fault.act == "duplicate":
        return [copy for fragment in fragments for copy in (fragment, fragment)]
    if fault.act == "drop_fragment":
        return fragments[1:] if len(fragments) < 3 else [fragments[0], *fragments[2:]]  # noqa: PLR2004
    if fault.act == "garbage":
        return [_garbled(fragment) for fragment in fragments]
    return list(chunks)


def _texts(value: object, parts: list[str]) -> None:
    if isinstance(value, SecretText):
        return
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, Bag):
        _texts(value.properties, parts)
    elif isinstance(value, Mapping):
        for item in value.values():
            _texts(item, parts)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _texts(item, parts)


def _fragments(chunk: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(chunk):
        end = at + _FRAGMENT.size + _FRAGMENT.unpack_from(chunk, at)[3]
        found.append(chunk[at:end])
        at = end
    return found


def _garbled(fragment: bytes) -> bytes:
    object_id, number, flags, _ = _FRAGMENT.unpack_from(fragment)
    payload = fragment[_FRAGMENT.size :]
    kind = int.from_bytes(payload[4:8], "little") if number == 0 else 0
    if kind != _PIPELINE_OUTPUT:
        return fragment
    payload = payload[:40] + _BROKEN_CLIXML
    return _FRAGMENT.pack(object_id, number, flags, len(payload)) + payload

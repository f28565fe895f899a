"""Faults of the wire: which request meets which, and what they do to output.

A fault is a value of `lab.faults`, armed through the control address. What it does to a reply
happens in http.py; what it does to output, which only PSRP can see, happens here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from threading import Event, Lock

from runbook_lib.lab.faults import ArmedFaults, Fault

REQUEST = "wsman:"
"""A fault whose match begins so is about requests ("wsman:create", "wsman:http"), not pipelines."""
_FRAGMENT = struct.Struct(">QQBI")
_PIPELINE_OUTPUT = 0x00041004
_BROKEN_CLIXML = b'<Obj RefId="0"><TN RefId="0"><T>System.Object</T></TN><MS><S N="a">b</MS>'


class WireFaults:
    """The faults armed at present. Any thread may ask."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = Lock()
        self._of_pipelines = ArmedFaults()
        self._of_requests = ArmedFaults()
        self._held: set[Event] = set()

    def arm(self, fault: Fault) -> None:
        """From now on, let requests meet `fault`."""
        is_request = fault.match.lower().startswith(REQUEST)
        with self._lock:
            (self._of_requests if is_request else self._of_pipelines).arm(fault)

    def disarm(self) -> None:
        """Take all faults back and let go of what hangs because of them."""
        with self._lock:
            self._of_pipelines.clear()
            self._of_requests.clear()
            for ended in self._held:
                ended.set()

    def hold(self, ended: Event, timeout_s: float | None = None) -> bool:
        """Wait until `ended` is set, by its connection or by `disarm`; tell whether it is."""
        with self._lock:
            self._held.add(ended)
        try:
            return ended.wait(timeout_s)
        finally:
            with self._lock:
                self._held.discard(ended)

    def meet_pipeline(self, node: str, label: str) -> Fault | None:
        """Return the fault that this pipeline meets; each call counts as one match."""
        with self._lock:
            return self._of_pipelines.strike(node, label)

    def meet_request(self, node: str, action: str) -> Fault | None:
        """Return the fault that this request meets; `action` is "create", "receive", "http"..."""
        with self._lock:
            return self._of_requests.strike(node, f"{REQUEST}{action}")


def mangled(chunks: Sequence[bytes], fault: Fault) -> list[bytes]:
    """Return output as `fault` leaves it; faults that do not touch output change nothing."""
    fragments = [fragment for chunk in chunks for fragment in _fragments(chunk)]
    if fault.deed == "duplicate":
        return [copy for fragment in fragments for copy in (fragment, fragment)]
    if fault.deed == "drop_fragment":
        return fragments[1:] if len(fragments) < 3 else [fragments[0], *fragments[2:]]
    if fault.deed == "garbage":
        return [_garbled(fragment) for fragment in fragments]
    return list(chunks)


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

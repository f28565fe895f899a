"""A real PSRP server (`pwsh -ServerMode`) and what it writes: the raw CLIXML of each message."""

from __future__ import annotations

import base64
import re
import struct
import subprocess
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psrpcore import ClientPowerShell, ClientRunspacePool, PSRPPayload, StreamType
from psrpcore.types import PSRPMessageType, RunspacePoolState

POOL = uuid.UUID(int=0)
_PACKET = re.compile(r"<(\w+)([^>]*?)(?:/>|>([^<]*)</\1>)")
_FRAGMENT = struct.Struct(">QQBI")
_MESSAGE_HEADER = 40


@dataclass(frozen=True)
class Said:
    """One message of the server: its type's name and its CLIXML."""

    kind: str
    xml: ET.Element


class ServerMode:
    """One server process with one open pool."""

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [path, "-NoProfile", "-ServerMode"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._client = ClientRunspacePool()
        self._raw: dict[int, bytearray] = {}
        self._client.open()
        self._send_all()
        while self._client.state != RunspacePoolState.Opened:
            self._receive()

    def run(self, script: str) -> list[Said]:
        """Return every message of one pipeline, in order."""
        pipeline = ClientPowerShell(self._client)
        pipeline.add_script(script)
        self._write(f"<Command PSGuid='{pipeline.pipeline_id}' />")
        while self._packet()[0] != "CommandAck":
            pass
        pipeline.start()
        self._send_all()
        said: list[Said] = []
        while not said or said[-1].kind != "PipelineState":
            said += self._receive()
        return said

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _send_all(self) -> None:
        while (payload := self._client.data_to_send()) is not None:
            guid = payload.pipeline_id or POOL
            data = base64.b64encode(payload.data).decode()
            self._write(f"<Data Stream='Default' PSGuid='{guid}'>{data}</Data>")

    def _receive(self) -> list[Said]:
        kind, attributes, text = self._packet()
        if kind != "Data":
            return []
        [found] = re.findall(r"PSGuid='([^']+)'", attributes)
        data, guid = base64.b64decode(text), uuid.UUID(found)
        owner = None if guid == POOL else guid
        said = list(messages(data, self._raw))
        self._client.receive_data(PSRPPayload(data, StreamType.default, owner))
        while self._client.next_event() is not None:
            pass
        return said

    def _packet(self) -> tuple[str, str, str]:
        assert self._process.stdout
        line = self._process.stdout.readline().decode()
        match = _PACKET.search(line)
        assert match, f"no packet: {line!r}"
        return match[1], match[2], match[3] or ""

    def _write(self, packet: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(packet.encode() + b"\n")
        self._process.stdin.flush()


def messages(data: bytes, begun: dict[int, bytearray]) -> Iterator[Said]:
    """Yield the messages that end in these fragments; `begun` keeps those that do not."""
    at = 0
    while at < len(data):
        number, _, flags, length = _FRAGMENT.unpack_from(data, at)
        at += _FRAGMENT.size
        message = begun.setdefault(number, bytearray())
        message += data[at : at + length]
        at += length
        if flags & 2:
            raw = bytes(begun.pop(number))
            (kind,) = struct.unpack_from("<I", raw, 4)
            text = raw[_MESSAGE_HEADER:].decode("utf-8-sig")
            yield Said(PSRPMessageType(kind).name, ET.fromstring(text or "<None/>"))


def outline(element: ET.Element, types: dict[str, Any] | None = None) -> Any:
    """Return CLIXML as plain values, whatever its reference numbers and order of properties.

    A primitive is (tag, text); an object is a dict with types, text, members and items.
    """
    types = {} if types is None else types
    if element.tag != "Obj":
        return (element.tag, element.text or "")
    made: dict[str, Any] = {}
    for part in element:
        if part.tag == "TN":
            types[part.attrib["RefId"]] = made["types"] = [each.text for each in part]
        elif part.tag == "TNRef":
            made["types"] = types[part.attrib["RefId"]]
        elif part.tag == "ToString":
            made["text"] = part.text or ""
        elif part.tag in ("MS", "Props"):
            made[part.tag] = {each.attrib["N"]: outline(each, types) for each in part}
        elif part.tag in ("LST", "IE"):
            made["items"] = [outline(each, types) for each in part]
        elif part.tag == "DCT":
            pairs = [[outline(each, types) for each in entry] for entry in part]
            made["entries"] = {key[1]: value for key, value in pairs}
        else:
            made["value"] = outline(part, types)
    return made

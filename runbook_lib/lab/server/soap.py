"""SOAP envelopes of WS-Management: bytes -> Request, reply or fault -> bytes.

Prefixes and layout follow what Windows writes ([MS-WSMV] 4.1); nothing here knows what a shell is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from runbook_lib.lab.server.wsman_faults import (
    BAD_BODY,
    BAD_HEADERS,
    MISSING_HEADER,
    NOT_UNDERSTOOD,
    SCHEMA_ERROR,
    SOAP_VERSION,
    Fault,
    FaultError,
)

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
X = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
PWSH = "http://schemas.microsoft.com/powershell"
WSMID = "http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
CFG = "http://schemas.microsoft.com/wbem/wsman/1/config"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"

_UNDERSTOOD = frozenset(
    {
        f"{{{A}}}{n}"
        for n in ("Action", "To", "MessageID", "ReplyTo", "From", "RelatesTo", "FaultTo")
    }
    | {
        f"{{{W}}}{n}"
        for n in (
            "ResourceURI",
            "SelectorSet",
            "OptionSet",
            "OperationTimeout",
            "MaxEnvelopeSize",
            "Locale",
            "RequestEPR",
            "FragmentTransfer",
        )
    }
    | {f"{{{P}}}{n}" for n in ("DataLocale", "SessionId", "OperationID", "SequenceId", "Compress")}
)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_DEFAULT_TIMEOUT_S = 60.0
_DEFAULT_ENVELOPE = 153600


@dataclass(frozen=True)
class Request:
    """One request envelope, taken apart.

    body: the Body element itself, whose children are the operation's own.
    """

    action: str
    resource_uri: str
    message_id: str
    to: str
    body: ET.Element
    timeout_s: float = _DEFAULT_TIMEOUT_S
    max_envelope: int = _DEFAULT_ENVELOPE
    selectors: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def first(self, name: str) -> ET.Element:
        """Return the body's element `name` ({namespace}local), or raise the fault for its lack."""
        element = self.body.find(name)
        if element is None:
            raise FaultError(BAD_BODY)
        return element


def parse(envelope: bytes) -> Request:
    """Return the request in `envelope`; raise FaultError with the fault a node answers."""
    root = _root(envelope)
    header, body = root.find(f"{{{S}}}Header"), root.find(f"{{{S}}}Body")
    if body is None:
        raise FaultError(BAD_BODY)
    if header is None:
        header = ET.Element(f"{{{S}}}Header")
    message_id = (header.findtext(f"{{{A}}}MessageID") or "").strip()
    try:
        return _taken_apart(header, body, message_id)
    except FaultError as error:
        raise FaultError(error.fault, message_id) from error


def identify_is_asked(envelope: bytes) -> bool:
    """Tell whether the envelope is a bare wsmid:Identify, which carries no addressing headers."""
    try:
        return _root(envelope).find(f"{{{S}}}Body/{{{WSMID}}}Identify") is not None
    except FaultError:
        return False


def seconds(duration: str) -> float:
    """Return an xs:duration of days and less in seconds; raise ValueError for anything else."""
    match = _DURATION.fullmatch(duration.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {duration!r}")
    days, hours, minutes, rest = (float(group or 0) for group in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def reply(request: Request, body: str, *, action: str | None = None) -> bytes:
    """Return the envelope that answers `request`; `body` is XML in the prefixes a w x rsp p n."""
    return _envelope(action or f"{request.action}Response", request.message_id, body)


def fault_reply(fault: Fault, relates_to: str = "", *, machine: str = "localhost") -> bytes:
    """Return the fault's envelope; `relates_to` is empty where the request had no MessageID."""
    detail = ""
    if fault.detail:
        detail = f"<w:FaultDetail>{escape(fault.detail)}</w:FaultDetail>"
    body = (
        f"<s:Fault><s:Code><s:Value>{fault.role}</s:Value>"
        f"<s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)} </s:Text></s:Reason>'
        f"<s:Detail>{detail}"
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
        f' Code="{fault.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{escape(fault.text)} </f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope(fault.action, relates_to, body)


def identify_reply(product_version: str) -> bytes:
    """Return the answer to wsmid:Identify (Stack 2.0)."""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{S}"><s:Header/><s:Body>'
        f'<wsmid:IdentifyResponse xmlns:wsmid="{WSMID}">'
        f"<wsmid:ProtocolVersion>{W}</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>{product_version}</wsmid:ProductVersion>"
        "</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()


def _root(envelope: bytes) -> ET.Element:
    if b"<!DOCTYPE" in envelope:
        raise FaultError(SCHEMA_ERROR)
    try:
        root = ET.fromstring(envelope)  # noqa: S314 - no DOCTYPE, hence no entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FaultError(SCHEMA_ERROR) from error
    if not root.tag.endswith("}Envelope"):
        raise FaultError(SCHEMA_ERROR)
    if root.tag != f"{{{S}}}Envelope":
        raise FaultError(SOAP_VERSION)
    return root


def _taken_apart(header: ET.Element, body: ET.Element, message_id: str) -> Request:
    for element in header:
        if _is_true(element.get(f"{{{S}}}mustUnderstand")) and element.tag not in _UNDERSTOOD:
            raise FaultError(NOT_UNDERSTOOD)
    action = (header.findtext(f"{{{A}}}Action") or "").strip()
    to = (header.findtext(f"{{{A}}}To") or "").strip()
    if not (message_id and action and to):
        raise FaultError(MISSING_HEADER)
    try:
        timeout = header.findtext(f"{{{W}}}OperationTimeout")
        timeout_s = _DEFAULT_TIMEOUT_S if timeout is None else seconds(timeout)
        size = int(header.findtext(f"{{{W}}}MaxEnvelopeSize") or _DEFAULT_ENVELOPE)
    except ValueError as error:
        raise FaultError(BAD_HEADERS) from error
    return Request(
        action=action,
        resource_uri=(header.findtext(f"{{{W}}}ResourceURI") or "").strip(),
        message_id=message_id,
        to=to,
        body=body,
        timeout_s=timeout_s,
        max_envelope=size,
        selectors=_named(header, "SelectorSet", "Selector"),
        options=_named(header, "OptionSet", "Option"),
    )


def _named(header: ET.Element, group: str, item: str) -> dict[str, str]:
    found = header.findall(f"{{{W}}}{group}/{{{W}}}{item}")
    return {element.get("Name", ""): element.text or "" for element in found}


def _is_true(value: str | None) -> bool:
    return value is not None and value.strip().lower() in {"true", "1"}


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    relates = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{S}" xmlns:a="{A}" xmlns:x="{X}"'
        f' xmlns:w="{W}" xmlns:rsp="{RSP}" xmlns:p="{P}" xmlns:n="{WSEN}">'
        f"<s:Header><a:Action>{escape(action)}</a:Action>"
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{ANONYMOUS}</a:To>{relates}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()

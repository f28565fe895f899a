"""The HTTP below it all: what raw clients get, and what a seal protects."""

from __future__ import annotations

import base64
import socket
import struct
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from xml.etree import ElementTree as ET

import pytest
import spnego

from runbook_lib.lab.lab import Lab
from runbook_lib.lab.server import soap
from runbook_lib.lab.server.authentication import SEALED_TYPE, Handshake
from tests.protocol.small_site import PASSWORD

IDENTIFY = (
    f'<s:Envelope xmlns:s="{soap.S}"><s:Header/><s:Body>'
    f'<i:Identify xmlns:i="{soap.WSMID}"/></s:Body></s:Envelope>'
)


class RawClient:
    """One TCP connection, logged on by hand, that says whatever it is told to."""

    def __init__(self, lab: Lab) -> None:
        node = lab.node("NODE1")
        self.http = HTTPConnection(node.host, node.port, timeout=10)
        self.context: spnego.ContextProxy | None = None

    def post(
        self, body: bytes = b"", headers: Mapping[str, str] | None = None, path: str = "/wsman"
    ) -> tuple[HTTPResponse, bytes]:
        self.http.request("POST", path, body, {"Content-Type": "x", **(headers or {})})
        response = self.http.getresponse()
        return response, response.read()

    def log_on(self, password: str = PASSWORD) -> int:
        self.context = spnego.client("Administrator", password, protocol="negotiate")
        token = self.context.step()
        while token:
            header = {"Authorization": f"Negotiate {base64.b64encode(token).decode()}"}
            response, _ = self.post(headers=header)
            answer = (response.getheader("WWW-Authenticate") or "").partition(" ")[2]
            token = self.context.step(base64.b64decode(answer)) if answer else None
        return response.status

    def ask(self, envelope: str) -> tuple[int, ET.Element]:
        response, body = self.post(self.sealed(envelope.encode()), {"Content-Type": SEALED_TYPE})
        assert response.getheader("Content-Type") == SEALED_TYPE
        return response.status, ET.fromstring(self.opened(body))

    def sealed(self, message: bytes) -> bytes:
        return self._ours().seal(message)

    def opened(self, body: bytes) -> bytes:
        return self._ours().open(body)

    def _ours(self) -> Handshake:
        # The form of a sealed body is the same in both directions.
        handshake = Handshake(None)  # type: ignore[arg-type]
        handshake._context = self.context
        return handshake


@pytest.fixture
def raw(lab: Lab) -> Iterator[RawClient]:
    client = RawClient(lab)
    yield client
    client.http.close()


def fault_code(envelope: ET.Element) -> str:
    [fault] = envelope.iterfind(
        ".//{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}WSManFault"
    )
    return fault.get("Code", "")


def header_of(action: str, more: str = "") -> str:
    return (
        f'<s:Envelope xmlns:s="{soap.S}" xmlns:a="{soap.A}" xmlns:w="{soap.W}"><s:Header>'
        f"<a:To>http://127.0.0.1/wsman</a:To><a:Action>{action}</a:Action>"
        f"<a:MessageID>uuid:1</a:MessageID>{more}</s:Header><s:Body/></s:Envelope>"
    )


def test_request_without_logon_is_asked_to_negotiate(raw: RawClient) -> None:
    response, body = raw.post(b"<x/>")

    assert (response.status, response.getheader("WWW-Authenticate"), body) == (
        401,
        "Negotiate",
        b"",
    )
    assert response.getheader("Server") == "Microsoft-HTTPAPI/1.0"


def test_logon_by_hand_ends_in_200(raw: RawClient, lab: Lab) -> None:
    assert raw.log_on() == 200
    assert lab.logons.good() == {"Administrator": 1}


def test_refused_logon_ends_in_401(raw: RawClient, lab: Lab) -> None:
    assert raw.log_on("wrong") == 401
    assert lab.logons.bad() == {"Administrator": 1}


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic QWRtaW46eA==",
        "Negotiate",
        "Negotiate !!!",
        "Negotiate AAAA",
        "Negotiate TlRMTVNTUAA=",
    ],
)
def test_nonsense_for_a_logon_is_refused(raw: RawClient, authorization: str) -> None:
    response, body = raw.post(headers={"Authorization": authorization})

    assert (response.status, body) == (401, b"")


def test_plain_body_after_logon_is_refused_without_a_word(raw: RawClient) -> None:
    raw.log_on()

    response, body = raw.post(IDENTIFY.encode(), {"Content-Type": "application/soap+xml"})

    assert (response.status, body) == (500, b"")


def test_seal_of_another_connection_does_not_open(raw: RawClient, lab: Lab) -> None:
    raw.log_on()
    other = RawClient(lab)
    other.log_on()

    response, body = raw.post(other.sealed(IDENTIFY.encode()), {"Content-Type": SEALED_TYPE})

    other.http.close()
    assert (response.status, body) == (400, b"")


@pytest.mark.parametrize("at", [5, 100, -60, -30, -2])
def test_changed_seal_does_not_open(raw: RawClient, at: int) -> None:
    raw.log_on()
    sealed = bytearray(raw.sealed(IDENTIFY.encode()))
    sealed[at] ^= 1

    response, _ = raw.post(bytes(sealed), {"Content-Type": SEALED_TYPE})

    assert response.status == 400


@pytest.mark.parametrize(
    "body", [b"x", b"--Encrypted Boundary\r\n", b"--Encrypted Boundary\r\n" * 2 + b"--"]
)
def test_body_that_only_claims_to_be_sealed_is_bad(raw: RawClient, body: bytes) -> None:
    raw.log_on()

    response, _ = raw.post(body, {"Content-Type": SEALED_TYPE})

    assert response.status == 400


def test_reply_is_unreadable_on_the_wire(raw: RawClient) -> None:
    raw.log_on()

    _, body = raw.post(raw.sealed(IDENTIFY.encode()), {"Content-Type": SEALED_TYPE})

    assert b"Envelope" not in body
    assert b"IdentifyResponse" in raw.opened(body)


def test_stranger_learns_no_version(raw: RawClient) -> None:
    response, body = raw.post(IDENTIFY.encode(), {"WSMANIDENTIFY": "unauthenticated"})

    assert response.status == 200
    assert b"OS: 0.0.0 SP: 0.0 Stack: 2.0" in body


def test_stranger_must_say_that_he_asks_without_logon(raw: RawClient) -> None:
    response, body = raw.post(IDENTIFY.encode())

    assert (response.status, body) == (401, b"")


def test_sealed_message_of_another_length_than_promised_is_bad(raw: RawClient) -> None:
    raw.log_on()
    length = f"Length={len(IDENTIFY)}".encode()
    sealed = raw.sealed(IDENTIFY.encode()).replace(length, length + b"0")

    response, _ = raw.post(sealed, {"Content-Type": SEALED_TYPE})

    assert response.status == 400


def test_user_learns_the_version_of_the_node(raw: RawClient) -> None:
    raw.log_on()

    status, envelope = raw.ask(IDENTIFY)

    assert (status, [e.text for e in envelope.iter(f"{{{soap.WSMID}}}ProductVersion")]) == (
        200,
        ["OS: 5.2.3790 SP: 2.0 Stack: 2.0"],
    )


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        ("no xml at all", "2150858817"),
        ("<a/>", "2150858817"),
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{IDENTIFY}', "2150858817"),
        ('<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', "2150858765"),
        (f'<s:Envelope xmlns:s="{soap.S}"><s:Header/></s:Envelope>', "2150858791"),
        (f'<s:Envelope xmlns:s="{soap.S}"><s:Header/><s:Body/></s:Envelope>', "2150858769"),
        (header_of("http://example.invalid/Dance"), "2150858771"),
        (header_of(f"{soap.X}/Get"), "2150858752"),
        (header_of(f"{soap.X}/Create"), "2150858752"),
        (header_of(f"{soap.RSP}/Receive"), "2150858752"),
        (
            header_of(f"{soap.X}/Get", "<w:OperationTimeout>soon</w:OperationTimeout>"),
            "2150858767",
        ),
        (
            header_of(f"{soap.X}/Get", "<w:MaxEnvelopeSize>100</w:MaxEnvelopeSize>"),
            "2150858824",
        ),
        (header_of(f"{soap.X}/Get", '<w:Odd s:mustUnderstand="true"/>'), "2150858768"),
        (
            header_of(
                f"{soap.X}/Create",
                "<w:ResourceURI>http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
                "</w:ResourceURI>",
            ),
            "2150858791",
        ),
        (
            header_of(
                f"{soap.RSP}/Receive",
                "<w:ResourceURI>http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
                "</w:ResourceURI>",
            ),
            "2150858843",
        ),
    ],
)
def test_envelope_that_asks_for_nonsense_gets_its_fault(
    raw: RawClient, envelope: str, code: str
) -> None:
    raw.log_on()

    status, answer = raw.ask(envelope)

    assert (status, fault_code(answer)) == (500, code)


def test_fault_names_the_message_it_answers(raw: RawClient) -> None:
    raw.log_on()

    _, answer = raw.ask(header_of("http://example.invalid/Dance"))

    assert answer.findtext(f"{{{soap.S}}}Header/{{{soap.A}}}RelatesTo") == "uuid:1"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/wsman", {}, 405),
        ("PUT", "/wsman", {}, 405),
        ("POST", "/", {"Content-Length": "0"}, 404),
        ("POST", "/wsman", {"Content-Length": "x"}, 400),
        ("POST", "/wsman", {"Content-Length": "-1"}, 400),
        ("POST", "/wsman", {"Content-Length": "200000"}, 413),
        ("POST", "/wsman", {"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_http_that_is_not_ws_management_is_turned_away(
    raw: RawClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    raw.http.putrequest(method, path)
    for name, value in headers.items():
        raw.http.putheader(name, value)
    raw.http.endheaders()

    assert raw.http.getresponse().status == status


def test_bytes_that_are_no_http_close_the_connection(lab: Lab) -> None:
    node = lab.node("NODE1")
    with socket.create_connection((node.host, node.port), 10) as connection:
        connection.sendall(b"\x16\x03\x01\x00\x05hello\r\n\r\n")

        received = b""
        while part := connection.recv(4096):
            received += part

    assert received.startswith(b"HTTP/1.1 400 ")


def test_connection_that_ends_within_a_request_harms_nobody(lab: Lab, raw: RawClient) -> None:
    node = lab.node("NODE1")
    with socket.create_connection((node.host, node.port), 10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")

    assert raw.log_on() == 200

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.sessions import sealed_envelope
from runbook_lib.sessions.sealed_envelope import SPNEGO, seal, unseal


class Mask:
    """Stands in for the keys: turns bits over, and signs with a sum."""

    def wrap_winrm(self, data: bytes) -> tuple[bytes, bytes, int]:
        sealed = bytes(byte ^ 0x5A for byte in data)
        return self._sign(data), sealed, 0

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        plain = bytes(byte ^ 0x5A for byte in data)
        if header != self._sign(plain):
            raise RuntimeError("bad MIC")
        return plain

    @staticmethod
    def _sign(data: bytes) -> bytes:
        return (sum(n * byte for n, byte in enumerate(data, 1)) % 2**64).to_bytes(16, "big")


@given(st.binary())
def test_what_was_sealed_is_what_is_unsealed(message: bytes) -> None:
    assert unseal(Mask(), seal(Mask(), SPNEGO, message)) == message


def test_the_form_is_that_of_the_protocol() -> None:
    body = seal(Mask(), SPNEGO, b"<s:Envelope/>")

    head, _, rest = body.partition(b"\tContent-Type: application/octet-stream\r\n")
    assert head.decode() == (
        "--Encrypted Boundary\r\n"
        "\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
        "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=13\r\n"
        "--Encrypted Boundary\r\n"
    )
    assert rest.startswith(b"\x10\0\0\0")
    assert rest.endswith(b"--Encrypted Boundary--\r\n")
    assert b"Envelope" not in body


@given(st.binary(min_size=1, max_size=60), st.data())
def test_no_changed_byte_of_seal_or_message_goes_unseen(
    message: bytes, data: st.DataObject
) -> None:
    body = bytearray(seal(Mask(), SPNEGO, message))
    start = body.index(b"octet-stream\r\n") + len(b"octet-stream\r\n")
    place = data.draw(st.integers(start, start + 4 + 16 + len(message) - 1))
    body[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(ValueError, match=r"seal is broken|agreed form|announced"):
        unseal(Mask(), bytes(body))


@given(st.binary(max_size=300))
def test_whatever_comes_instead_is_refused_in_one_way(body: bytes) -> None:
    with pytest.raises(ValueError, match="agreed form"):
        unseal(Mask(), body)


@given(st.integers(0, 200))
def test_a_body_that_was_cut_is_refused(length: int) -> None:
    body = seal(Mask(), SPNEGO, b"message")

    with pytest.raises(ValueError, match=r"agreed form|seal is broken"):
        unseal(Mask(), body[: min(length, len(body) - len("--\r\n"))])


def test_a_length_that_does_not_fit_is_refused() -> None:
    body = seal(Mask(), SPNEGO, b"message").replace(b"Length=7", b"Length=8")

    with pytest.raises(ValueError, match="7 bytes where 8 are announced"):
        unseal(Mask(), body)


@pytest.mark.parametrize(
    ("content", "sealed"),
    [
        (sealed_envelope.content_type(SPNEGO), True),
        ('Multipart/Encrypted;protocol="x"', True),
        ("application/soap+xml;charset=UTF-8", False),
        ("", False),
    ],
)
def test_only_a_sealed_body_counts_as_one(content: str, sealed: bool) -> None:
    assert sealed_envelope.is_sealed(content) is sealed

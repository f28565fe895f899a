from __future__ import annotations

import copy
import json
import os
import pickle
from typing import Any

import keyring
import pytest
from keyring.errors import KeyringLocked

from runbook_lib import redaction
from runbook_lib.errors import AuthenticationError, CredentialError
from runbook_lib.sessions import credentials
from runbook_lib.sessions.accounts import Account, Breaker
from runbook_lib.sessions.credentials import Credentials, SecretValue

VALUE = "correct horse battery 7"


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringLocked("the value is hidden here")
        return VALUE if (service, user) == ("exchange", "installer") else None

    monkeypatch.setattr(keyring, "get_password", get_password)


def pipe_with(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{:>30}".format,
        lambda it: f"{it!s} {it!r} {it}",
    ],
)
def test_a_secret_shows_its_reference_and_never_its_value(show: Any) -> None:
    shown = show(SecretValue("env:X", VALUE))

    assert "env:X" in shown
    assert VALUE not in shown


@pytest.mark.parametrize(
    "carry",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, list, dict, lambda it: json.dumps([it])],
)
def test_a_secret_cannot_be_carried_off(carry: Any) -> None:
    with pytest.raises(TypeError):
        carry(SecretValue("env:X", VALUE))


def test_a_secret_has_no_dictionary_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(SecretValue("env:X", VALUE))


def test_secrets_are_equal_by_reference() -> None:
    one, other = SecretValue("env:X", VALUE), SecretValue("env:X", "another value")

    assert one == other
    assert hash(one) == hash(other)
    assert one != SecretValue("env:Y", VALUE)
    assert one != VALUE


def test_a_secret_is_masked_from_its_first_moment() -> None:
    SecretValue("env:X", "masked-from-the-start")

    assert redaction.redact("it is masked-from-the-start.") == "it is <redacted>."


def test_each_source_gives_its_value(chain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_TEST_SECRET", "from the environment")
    known = Credentials(lab=lambda name: f"the lab's {name}")
    number = pipe_with(b"from a descriptor\r\n")

    values = [
        known.resolve(reference).reveal()
        for reference in (
            "env:RUNBOOK_TEST_SECRET",
            "keyring:exchange/installer",
            "lab:installer",
            f"fd:{number}",
        )
    ]

    assert values == ["from the environment", VALUE, "the lab's installer", "from a descriptor"]


def test_a_descriptor_is_read_once_and_its_value_kept() -> None:
    known = Credentials()
    reference = f"fd:{pipe_with(b'read once')}"

    assert known.resolve(reference) is known.resolve(reference)
    with pytest.raises(CredentialError):
        Credentials().resolve(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "env:RUNBOOK_NOT_SET",
        "env:",
        "keyring:exchange/nobody",
        "keyring:locked/installer",
        "fd:x",
        "fd:987654",
        "prompt:Password",
        "lab:installer",
        "file:/etc/passwd",
        "nonsense",
    ],
)
def test_a_reference_that_leads_nowhere_is_named_in_the_error(chain: None, reference: str) -> None:
    with pytest.raises(CredentialError) as caught:
        Credentials().resolve(reference)

    assert caught.value.what == f"The secret {reference} cannot be had."
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe", b"a\0b", b"x" * 5000])
def test_what_cannot_be_a_password_is_refused_without_showing_it(data: bytes) -> None:
    with pytest.raises(CredentialError, match="cannot be had") as caught:
        Credentials().resolve(f"fd:{pipe_with(data)}")

    assert caught.value.why == "the value there is empty, too long or no text"


@pytest.mark.parametrize("reference", ["fd:0", "prompt:Password"])
def test_a_kernel_asks_nobody(reference: str) -> None:
    with pytest.raises(CredentialError) as caught:
        Credentials(is_first=False).resolve(reference)

    assert caught.value.why.startswith("only the command line can ask")


@pytest.mark.parametrize("value", ["restart", "phase", "opened", "nosaer", "exit_code"])
def test_a_value_that_is_part_of_a_word_of_the_record_is_refused_and_not_masked(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PART", value)
    words = ["restart", "phase_opened", "reason", "exit_code"]

    with pytest.raises(CredentialError, match="cannot be had") as caught:
        Credentials(reserved=words).resolve("env:PART")

    assert caught.value.why == "the value there is part of a word that the record itself uses"
    assert redaction.redact(value) == value


def test_a_value_that_only_holds_a_word_of_the_record_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LONGER", "restart-7-Xyz")

    assert Credentials(reserved=["restart"]).resolve("env:LONGER").reveal() == "restart-7-Xyz"


def test_a_process_that_nobody_handed_anything_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(credentials.HANDED_OVER, raising=False)

    assert credentials.receive() == {}


def test_a_descriptor_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.HANDED_OVER, "987654")

    with pytest.raises(CredentialError, match="did not reach"):
        credentials.receive()


def test_a_refused_account_is_not_tried_again_in_any_spelling() -> None:
    breaker = Breaker()
    first = Account(r"LAB\Installer", SecretValue("env:X", VALUE), breaker)
    second = Account(r"lab\installer", SecretValue("env:X", VALUE), breaker)
    other = Account("Administrator", SecretValue("env:X", VALUE), breaker)
    assert first.password() == VALUE

    first.refused("NODE1")

    with pytest.raises(AuthenticationError, match="not tried again") as caught:
        second.password()
    assert caught.value.why.startswith("NODE1 refused it")
    assert other.password() == VALUE


def test_an_empty_place_in_the_keyring_is_told_with_what_fills_it(chain: None) -> None:
    with pytest.raises(CredentialError) as caught:
        Credentials().resolve("keyring:exchange/nobody")

    assert caught.value.next_step == "put it there: keyring set exchange nobody"

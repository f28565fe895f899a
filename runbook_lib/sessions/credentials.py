"""Where secrets come from; the only place where a value of one begins to exist.

A reference names a source: `env:NAME`, `keyring:service/user`, `fd:N`, `prompt:label`, `lab:name`.
Errors name the reference, never a value. A value is registered for masking before anybody else
can hold it. What can be read only once (`fd:`, `prompt:`) is resolved by the first process of a
run and handed to each kernel through an inherited pipe (`hand_over`, `receive`).
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from runbook_lib import redaction
from runbook_lib.errors import CredentialError

ONCE = ("fd", "prompt")
"""Sources that can be asked only once, and by the first process only."""

LONGEST = 4096
HANDED_OVER = "RUNBOOK_SECRETS_FD"
"""Environment variable with the number of the inherited descriptor; a number, never a value."""


class SecretValue:
    """A secret that tells its reference to everybody, and its value to `reveal` alone.

    Equal to another one with the same reference: comparing values would be a way to guess them.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        """Keep the value, and have it masked in whatever this process writes."""
        redaction.register(value)
        self.reference = reference
        self._value = value

    def reveal(self) -> str:
        """Return the value: for the wire and for nothing else."""
        return self._value

    def __repr__(self) -> str:
        """Return a stand-in that names the reference."""
        return f"<secret {self.reference}>"

    __str__ = __repr__

    def __format__(self, _specification: str) -> str:
        """Return the stand-in, whatever width was asked for."""
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Compare references."""
        return isinstance(other, SecretValue) and other.reference == self.reference

    def __hash__(self) -> int:
        """Hash the reference."""
        return hash(self.reference)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret cannot be pickled")

    def __iter__(self) -> NoReturn:
        """Refuse to be taken apart (JSON writers, list())."""
        raise TypeError("a secret has no parts")


Source = Callable[[str, str], str]
"""(name after the colon, whole reference) -> value; raises CredentialError."""


class Credentials:
    """The secrets of one process: each reference is resolved once, then kept."""

    def __init__(
        self,
        lab: Callable[[str], str] | None = None,
        handed: Mapping[str, SecretValue] | None = None,
        *,
        is_first: bool = True,
        reserved: Iterable[str] = (),
    ) -> None:
        """Ask `lab` for `lab:` references; `handed` came from the process that started us.

        is_first: False in a kernel, which neither owns the descriptors nor has a terminal.
        reserved: words of the record; a value that is part of one could not be masked there.
        """
        self._reserved = tuple(reserved)
        self._known: dict[str, SecretValue] = dict(handed or {})
        self._lab = lab
        self._is_first = is_first

    def resolve(self, reference: str) -> SecretValue:
        """Return the secret of a reference, or raise CredentialError."""
        if reference not in self._known:
            value = self._source(reference)(reference.partition(":")[2], reference)
            if not value or len(value) > LONGEST or "\0" in value:
                _refuse(reference, "the value there is empty, too long or no text")
            if self._is_reserved(value):
                _refuse(reference, "the value there is part of a word that the record itself uses")
            self._known[reference] = SecretValue(reference, value)
        return self._known[reference]

    def _is_reserved(self, value: str) -> bool:
        # Masked is what a value looks like backwards, too; very short values never are.
        if len(value) < redaction.SHORTEST:
            return False
        return any(value in word or value[::-1] in word for word in self._reserved)

    def _source(self, reference: str) -> Source:
        scheme, _, name = reference.partition(":")
        sources: dict[str, Source] = {
            "env": _from_environment,
            "keyring": _from_keyring,
            "fd": _from_descriptor,
            "prompt": _from_prompt,
            "lab": self._from_lab,
        }
        if scheme not in sources or not name:
            _refuse(
                reference, f"a reference is one of {', '.join(f'{one}:...' for one in sources)}"
            )
        if scheme in ONCE and not self._is_first:
            _refuse(reference, "only the command line can ask for it, not a notebook run alone")
        return sources[scheme]

    def _from_lab(self, name: str, reference: str) -> str:
        if self._lab is None:
            _refuse(reference, "this run has no lab")
        return self._lab(name)


def hand_over(secrets: Iterable[SecretValue]) -> int:
    """Return the readable end of a pipe with the secrets, for one child to inherit and read.

    The child gets its number in `HANDED_OVER` and the descriptor through `pass_fds`.
    """
    parts = {secret.reference: secret.reveal() for secret in secrets}
    text = json.dumps(parts).encode("utf-8")
    reading, writing = os.pipe()
    try:
        # A pipe takes this much at once without a reader; passwords never come near it.
        if os.write(writing, text) != len(text):
            _refuse(", ".join(parts), "too long to be handed to a kernel")
    finally:
        os.close(writing)
    os.set_inheritable(reading, True)  # noqa: FBT003 - the standard library's signature
    return reading


def receive() -> dict[str, SecretValue]:
    """Return the secrets that the parent handed over, once; none when there was no parent."""
    number = os.environ.pop(HANDED_OVER, "")
    if not number.isdigit():
        return {}
    try:
        with os.fdopen(int(number), "rb") as pipe:
            parts = json.loads(pipe.read())
    except (OSError, ValueError) as error:
        raise CredentialError(
            "The secrets of this run did not reach this process.",
            why=f"the inherited descriptor {number} cannot be read ({type(error).__name__})",
            next_step="start the run again from the command line",
        ) from None
    return {reference: SecretValue(reference, value) for reference, value in parts.items()}


def _from_environment(name: str, reference: str) -> str:
    value = os.environ.get(name)
    if value is None:
        _refuse(reference, f"the environment has no {name}")
    return value


def _from_keyring(name: str, reference: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = name.partition("/")
    try:
        value = keyring.get_password(service, user)
    except KeyringError as error:
        _refuse(reference, f"the keyring refused ({type(error).__name__})")
    if value is None:
        put = f"put it there: keyring set {service} {user}"
        _refuse(reference, f"the keyring holds nothing for {user} at {service}", put)
    return value


def _from_descriptor(name: str, reference: str) -> str:
    if not name.isdigit():
        _refuse(reference, "a descriptor is a number")
    try:
        with os.fdopen(int(name), "rb") as pipe:
            raw = pipe.read(LONGEST + 3)
            return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        _refuse(reference, f"the descriptor cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        _refuse(reference, "the value there is empty, too long or no text")


def _from_prompt(name: str, reference: str) -> str:
    if not sys.stdin or not sys.stdin.isatty():
        _refuse(reference, "there is no terminal to ask at")
    try:
        return getpass.getpass(f"{name}: ")
    except EOFError:
        _refuse(reference, "the question was not answered")


def _refuse(
    reference: str,
    why: str,
    next_step: str = "put the reference in the parameter file right, or the value where it points",
) -> NoReturn:
    raise CredentialError(
        f"The secret {reference} cannot be had.",
        why=why,
        next_step=next_step,
    )

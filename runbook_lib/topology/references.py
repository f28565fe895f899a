"""A secret as the parameter file may have it: by reference, never by value.

Rule of this file: no message holds any part of a text that is not a reference; its leaf is
marked as secret, so that the text is not shown there either.
"""

from __future__ import annotations

import re

from runbook_lib.topology.faults import UnfitError

REFERENCE = "a reference: env:NAME, keyring:SERVICE/USER, fd:NUMBER, prompt:LABEL or lab:NAME"

GRAMMARS = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII),
    "keyring": re.compile(r"[A-Za-z0-9._-]{1,128}/[A-Za-z0-9._@\\-]{1,128}", re.ASCII),
    "fd": re.compile(r"[3-9]|[1-9][0-9]{1,3}", re.ASCII),
    "prompt": re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?", re.ASCII),
    "lab": re.compile(r"local-administrator|installer|cluster-service", re.ASCII),
}
"""Scheme -> what may follow its colon; fd 0 to 2 are the process's own streams."""

SECRET_KEY = re.compile(r"pas+w|pass|pwd|secret|credential|token|kennwort", re.IGNORECASE)
"""Keys under which people put secrets, known to the schema or not."""


class SecretReference(str):
    """Where a secret is found, `scheme:name`."""

    __slots__ = ()

    @property
    def scheme(self) -> str:
        """Return env, keyring, fd, prompt or lab."""
        return self.partition(":")[0]

    @property
    def name(self) -> str:
        """Return what follows the scheme."""
        return self.partition(":")[2]


def is_reference(text: str) -> bool:
    """Return whether the text follows one of the grammars."""
    scheme, colon, name = text.partition(":")
    grammar = GRAMMARS.get(scheme)
    return bool(colon) and grammar is not None and grammar.fullmatch(name) is not None


def parse_reference(text: str) -> SecretReference:
    """Return a reference; anything else is refused unseen."""
    if not is_reference(text):
        raise UnfitError(REFERENCE)
    return SecretReference(text)

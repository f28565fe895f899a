r"""The registry of one node: keys and values, found without regard to case, spelt as written.

It is the one place of truth wherever Windows itself keeps a setting here; WMI and the programs
show views of it. Only HKEY_LOCAL_MACHINE exists, and paths leave it out: `SOFTWARE\Microsoft`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

Data = str | int | tuple[str, ...] | bytes
Plain = str | int | list[str] | dict[str, str]
"""Data as JSON has it; bytes are {"hex": digits}."""


class Kind(StrEnum):
    """The types of values that occur."""

    TEXT = "REG_SZ"
    EXPANDED_TEXT = "REG_EXPAND_SZ"
    NUMBER = "REG_DWORD"
    LIST = "REG_MULTI_SZ"
    BINARY = "REG_BINARY"


@dataclass(frozen=True)
class RegistryValue:
    """One named value of a key."""

    name: str
    kind: Kind
    data: Data


@dataclass
class _Key:
    path: str
    values: dict[str, RegistryValue]


class Registry:
    """All keys of HKEY_LOCAL_MACHINE that the lab models."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}

    def has_key(self, path: str) -> bool:
        """Tell whether a key exists, by itself or as the parent of another."""
        wanted = _folded(path)
        return wanted in self._keys or any(key.startswith(wanted + "\\") for key in self._keys)

    def spelling(self, path: str) -> str:
        """Return a key's path as it was spelt when it was made."""
        key = self._keys.get(_folded(path))
        if key is not None:
            return key.path
        wanted = _folded(path) + "\\"
        below = next((key.path for name, key in self._keys.items() if name.startswith(wanted)), "")
        return "\\".join(below.split("\\")[: wanted.count("\\")]) if below else path

    def subkeys(self, path: str) -> tuple[str, ...]:
        """Return the names of the keys directly below one, sorted."""
        start = _folded(path) + "\\"
        below = {
            key.path.split("\\")[start.count("\\")]
            for name, key in self._keys.items()
            if name.startswith(start)
        }
        return tuple(sorted(below, key=str.lower))

    def values(self, path: str) -> tuple[RegistryValue, ...]:
        """Return a key's values in the order in which they were made; none for no key."""
        key = self._keys.get(_folded(path))
        return tuple(key.values.values()) if key else ()

    def get(self, path: str, name: str) -> RegistryValue | None:
        """Return one value, or None."""
        key = self._keys.get(_folded(path))
        return key.values.get(name.lower()) if key else None

    def text(self, path: str, name: str, default: str = "") -> str:
        """Return a text value, or `default` when it is missing."""
        value = self.get(path, name)
        return value.data if value and isinstance(value.data, str) else default

    def number(self, path: str, name: str, default: int = 0) -> int:
        """Return a number, or `default` when it is missing."""
        value = self.get(path, name)
        return value.data if value and isinstance(value.data, int) else default

    def texts(self, path: str, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty when it is missing."""
        value = self.get(path, name)
        return value.data if value and isinstance(value.data, tuple) else ()

    def binary(self, path: str, name: str) -> bytes:
        """Return the bytes of a value, none when it is missing."""
        value = self.get(path, name)
        return value.data if value and isinstance(value.data, bytes) else b""

    def make_key(self, path: str) -> None:
        """Make a key that is there afterwards, with or without values."""
        self._keys.setdefault(_folded(path), _Key(path.strip("\\"), {}))

    def put(self, path: str, name: str, data: Data | Sequence[str]) -> None:
        """Set a value, making its key; the kind follows from the data."""
        self.make_key(path)
        kept: Data = data if isinstance(data, str | int | bytes) else tuple(data)
        values = self._keys[_folded(path)].values
        old = values.get(name.lower())
        values[name.lower()] = RegistryValue(old.name if old else name, _kind_of(kept), kept)

    def remove(self, path: str, name: str) -> None:
        """Take a value away, if it is there."""
        key = self._keys.get(_folded(path))
        if key:
            key.values.pop(name.lower(), None)

    def remove_key(self, path: str) -> None:
        """Take a key and everything below it away."""
        gone = _folded(path)
        self._keys = {
            name: key
            for name, key in self._keys.items()
            if name != gone and not name.startswith(gone + "\\")
        }

    def as_json(self) -> dict[str, dict[str, Plain]]:
        """Return path -> name -> data, sorted; `restore` takes it."""
        return {
            key.path: {
                value.name: as_plain(value.data)
                for value in sorted(key.values.values(), key=lambda value: value.name.lower())
            }
            for _, key in sorted(self._keys.items())
        }

    def restore(self, saved: Mapping[str, Mapping[str, Plain]]) -> None:
        """Become what `as_json` gave."""
        self._keys = {}
        for path, values in saved.items():
            self.make_key(path)
            for name, data in values.items():
                self.put(path, name, bytes.fromhex(data["hex"]) if isinstance(data, dict) else data)


def as_plain(data: Data) -> Plain:
    """Return data as JSON has it."""
    if isinstance(data, bytes):
        return {"hex": data.hex()}
    return list(data) if isinstance(data, tuple) else data


@lru_cache(maxsize=4096)
def _folded(path: str) -> str:
    return path.strip("\\").lower()


def _kind_of(data: Data) -> Kind:
    if isinstance(data, str):
        return Kind.TEXT
    if isinstance(data, bytes):
        return Kind.BINARY
    return Kind.NUMBER if isinstance(data, int) else Kind.LIST

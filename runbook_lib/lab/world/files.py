r"""Files of one volume: names without regard to case, text inside, folders above.

A path may begin with a drive letter, which counts for nothing here: one volume may have different
letters on two nodes. What was written as secret is masked wherever the volume is shown or saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MASK = "<secret>"


class NoSuchFileError(LookupError):
    """There is no such file or folder."""


@dataclass(frozen=True)
class File:
    """One file: its text, lines ended by newlines, and the parts of it that are secret."""

    text: str
    secrets: tuple[str, ...] = ()

    @property
    def masked(self) -> str:
        """Return the text as it may be shown and saved."""
        shown = self.text
        for secret in self.secrets:
            shown = shown.replace(secret, MASK)
        return shown


class Files:
    """The files and folders of one volume."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, File]] = {}
        self._folders: dict[str, str] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        r"""Return every file's path and every folder's with a backslash at its end, sorted."""
        folders = (f"{path}\\" for path in self._folders.values())
        return tuple(sorted([*folders, *(path for path, _ in self._files.values())]))

    def is_file(self, path: str) -> bool:
        """Tell whether there is a file."""
        return _key(path) in self._files

    def is_folder(self, path: str) -> bool:
        """Tell whether there is a folder; the volume's root is one."""
        return _key(path) in self._folders or _key(path) == "\\"

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a folder."""
        return self.is_file(path) or self.is_folder(path)

    def read(self, path: str) -> str:
        """Return a file's text; raise NoSuchFileError."""
        return self._file(path).text

    def lines(self, path: str) -> tuple[str, ...]:
        """Return a file's lines; raise NoSuchFileError."""
        return tuple(self.read(path).split("\n")[:-1]) if self.read(path) else ()

    def secrets(self, path: str) -> tuple[str, ...]:
        """Return which parts of a file are secret; raise NoSuchFileError."""
        return self._file(path).secrets

    def write(self, path: str, text: str, *, secrets: Iterable[str] = ()) -> None:
        """Make or replace a file, and the folders above it."""
        plain = _plain(path)
        self.make_folder(_parent(plain))
        text = text.replace("\r\n", "\n")
        if text and not text.endswith("\n"):
            text += "\n"
        self._files[plain.lower()] = (plain, File(text, tuple(secrets)))

    def write_lines(self, path: str, lines: Iterable[str]) -> None:
        """Make or replace a file of these lines."""
        self.write(path, "".join(f"{line}\n" for line in lines))

    def append(self, path: str, *lines: str) -> None:
        """Add lines to a file, made where it is missing."""
        before = self._file(path) if self.is_file(path) else File("")
        added = "".join(f"{line}\n" for line in lines)
        self.write(path, before.text + added, secrets=before.secrets)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there stays as it is."""
        plain = _plain(path)
        while plain != "\\":
            self._folders.setdefault(plain.lower(), plain)
            plain = _parent(plain)

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; raise NoSuchFileError."""
        if not self.is_folder(folder):
            raise NoSuchFileError(folder)
        inside = _key(folder).rstrip("\\")
        found = [*self._folders.values(), *(path for path, _ in self._files.values())]
        return tuple(
            sorted(
                p.rpartition("\\")[2] for p in found if _parent(p).lower().rstrip("\\") == inside
            )
        )

    def remove(self, path: str) -> None:
        """Remove a file; raise NoSuchFileError."""
        self._file(path)
        del self._files[_key(path)]

    def remove_folder(self, path: str) -> None:
        """Remove a folder with all in it; raise NoSuchFileError."""
        if not self.is_folder(path):
            raise NoSuchFileError(path)
        begin = _key(path).rstrip("\\") + "\\"
        self._files = {key: kept for key, kept in self._files.items() if not key.startswith(begin)}
        self._folders = {
            key: kept for key, kept in self._folders.items() if not f"{key}\\".startswith(begin)
        }

    def move(self, old: str, new: str) -> None:
        """Give a file another path, in place of what is there; raise NoSuchFileError."""
        kept = self._file(old)
        self.remove(old)
        self.write(new, kept.text, secrets=kept.secrets)

    def as_json(self) -> list[str]:
        """Return the paths; what stands in the files is read as a node reads it."""
        return list(self.paths)

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes, secrets masked."""
        return {
            "files": {path: file.masked for path, file in self._files.values()},
            "folders": list(self._folders.values()),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self._files = {path.lower(): (path, File(text)) for path, text in saved["files"].items()}
        self._folders = {path.lower(): path for path in saved["folders"]}

    def _file(self, path: str) -> File:
        found = self._files.get(_key(path))
        if found is None:
            raise NoSuchFileError(path)
        return found[1]


def drive_of(path: str) -> str:
    r"""Return "Q:" of Q:\Data\x in upper case, "" without a drive."""
    return path[:2].upper() if path[1:2] == ":" else ""


def _plain(path: str) -> str:
    inside = path[2:] if path[1:2] == ":" else path
    parts = [part for part in inside.replace("/", "\\").split("\\") if part]
    return "\\" + "\\".join(parts)


def _key(path: str) -> str:
    return _plain(path).lower()


def _parent(plain: str) -> str:
    return plain.rpartition("\\")[0] or "\\"

"""The world on disk: one file, replaced whole, so that a reader finds the old or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FILE_NAME = "world.json"
VERSION = 1


class StateFolderError(ValueError):
    """A state folder that this lab cannot go on from."""


def load(folder: Path) -> dict[str, Any] | None:
    """Return what `save` wrote into a folder, or None when there is nothing."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StateFolderError(f"{path} is not a lab's state: {error}") from error
    if saved.get("version") != VERSION:
        raise StateFolderError(f"{path} was written by another version of the lab")
    return saved


def save(folder: Path, saved: dict[str, Any]) -> None:
    """Replace the folder's state by `saved`; it is on disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE_NAME
    new = path.with_suffix(".new")
    # What a world holds is no secret, but it is nobody else's business either.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"version": VERSION, **saved}, file, sort_keys=True, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

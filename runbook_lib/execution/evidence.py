"""Files that a person hands in with an answer: copied into the record, known by their digest.

A photograph of a switched-off machine, a ticket's text: the record keeps the bytes as they were
given and never reads them. Nothing masks a secret in them, which whoever hands one in is told.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.errors import ApprovalError
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.journal.storage import cannot_write

FOLDER = "evidence"
LARGEST = 32 * 1024 * 1024
"""Bytes of one file; a record is read by people and kept for years."""
MOST_FILES = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TOLD_APART = 12


@dataclass(frozen=True)
class Upload:
    """A file that came through a form: its own name and its bytes."""

    name: str
    content: bytes


def keep(folder: RunFolder, gate: str, files: Sequence[Path | Upload]) -> list[dict[str, Any]]:
    """Return file, name, bytes and sha256 of each file, once all of them lie in the record.

    Raises ApprovalError naming every file that cannot be taken; then none is.
    """
    faults = [fault for file in files if (fault := _fault(file))]
    if len(files) > MOST_FILES:
        faults.append(f"{len(files)} files are more than {MOST_FILES}")
    if faults:
        raise ApprovalError(
            f"Gate {gate} was not answered.",
            why="; ".join(faults),
            next_step="give files that can be read, or answer without them",
        )
    return [_kept(folder, gate, file) for file in files]


def _fault(file: Path | Upload) -> str | None:
    if isinstance(file, Upload):
        size = len(file.content)
        return f"{file.name} has {size} bytes, more than {LARGEST}" if size > LARGEST else None
    try:
        found = file.stat()
    except OSError as error:
        return f"{file} cannot be read: {(error.strerror or 'no such file').lower()}"
    if not stat.S_ISREG(found.st_mode):
        return f"{file} is no file"
    if found.st_size > LARGEST:
        return f"{file} has {found.st_size} bytes, more than {LARGEST}"
    return None if os.access(file, os.R_OK) else f"{file} cannot be read: permission denied"


def _kept(folder: RunFolder, gate: str, file: Path | Upload) -> dict[str, Any]:
    content = file.content if isinstance(file, Upload) else file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    # The digest tells files of one name apart, and makes a second try find the first one's copy.
    name = f"{gate}.{digest[:_TOLD_APART]}.{_UNSAFE.sub('-', file.name)[-80:]}"
    target = folder.path / FOLDER / name
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(target, flags, 0o600), "wb") as copy:
            copy.write(content)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as error:
        raise cannot_write(target, error) from error
    return {
        "file": f"{FOLDER}/{name}",
        "name": file.name,
        "bytes": len(content),
        "sha256": digest,
    }

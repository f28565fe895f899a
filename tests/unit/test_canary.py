"""The scanner finds what is planted, in every encoding, and nothing else."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.canary import ENCODINGS, Finding, plant, scan, scan_bytes

CANARIES = ["C4nary-plain_Word", "C4n ary!\"'<&>$`\\/%+=", "Kanariënvogel-\u2019\U0001f424x"]


@pytest.mark.parametrize("canary", CANARIES)
def test_every_planted_encoding_is_found(tmp_path: Path, canary: str) -> None:
    planted = plant(tmp_path, canary)

    found = {finding.place for finding in scan({"canary": canary}, [tmp_path])}

    assert tuple(planted) == ENCODINGS
    assert found == {str(path) for path in planted.values()}


@pytest.mark.parametrize("canary", CANARIES)
def test_another_secret_is_not_found(tmp_path: Path, canary: str) -> None:
    plant(tmp_path, canary)

    assert scan({"other": "An0ther-secret"}, [tmp_path]) == ()


@pytest.mark.parametrize("lead", [b"", b"a", b"ab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_base64_is_found_wherever_it_begins(lead: bytes, encoding: str) -> None:
    text = base64.b64encode(lead + "C4nary-plain_Word".encode(encoding) + b"tail")

    assert scan_bytes({"canary": "C4nary-plain_Word"}, b'{"x":"' + text + b'"}', "a string")


def test_one_encoding_inside_another_is_found() -> None:
    canary = 'C4n"ary&x/y'
    inner = json.dumps({"output": canary.replace("&", "&amp;")})
    content = gzip.compress(quote(inner).encode())

    findings = scan_bytes({"canary": canary}, content, "somewhere")

    assert Finding("canary", "somewhere", "gzip > percent > json escape > utf-8") not in findings
    assert scan_bytes({"canary": canary.replace("&", "&amp;")}, content, "somewhere") == (
        Finding("canary", "somewhere", "gzip > percent > json escape > utf-8"),
    )


def test_names_of_files_and_targets_of_links_are_read(tmp_path: Path) -> None:
    (tmp_path / "log-C4nary-word").touch()
    (tmp_path / "link").symlink_to("C4nary-word")

    findings = scan({"canary": "C4nary-word"}, [tmp_path])

    assert [finding.place for finding in findings] == [
        str(tmp_path / "link"),
        f"name of {tmp_path / 'log-C4nary-word'}",
    ]


def test_a_finding_does_not_show_the_secret(tmp_path: Path) -> None:
    plant(tmp_path / "planted", "C4nary-word")

    assert "C4nary" not in repr(scan({"canary": "C4nary-word"}, [tmp_path / "planted"]))

"""Loading a file: what is read at all, what comes out, and that nothing else is ever raised."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from runbook_lib.errors import ExitCode, ParametersError
from runbook_lib.topology.loading import MOST_LINES, check, load
from runbook_lib.topology.models import Approval, PublicRole, Target, Topology, Waits
from runbook_lib.topology.schema import schema_text
from tests.builders import examples

PARAMETERS = Path(__file__).parents[2] / "parameters"
LAB = PARAMETERS / "lab.yaml"
EXAMPLE = PARAMETERS / "production.example.yaml"


def written(folder: Path, content: bytes | str) -> Path:
    path = folder / "parameters.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path) -> list[str]:
    with pytest.raises(ParametersError) as caught:
        load(path)
    return caught.value.lines()


# What comes out


def test_the_rehearsal_loads_without_a_warning() -> None:
    loaded = load(LAB)

    data = LAB.read_bytes()
    assert loaded.text == data.decode()
    assert loaded.sha256 == hashlib.sha256(data).hexdigest()
    assert loaded.warnings == ()


def test_values_have_their_types_and_units() -> None:
    topology = load(LAB).topology

    assert topology.target is Target.LAB
    assert topology.approval is Approval.AUTO
    assert topology.networks.public.role is PublicRole.CLIENT
    assert topology.networks.public.dns == ("192.168.1.10",)
    assert [node.name for node in topology.nodes] == ["E2K7SCCNode1", "E2K7SCCNode2"]
    assert topology.nodes[0].connect.host is None
    assert topology.disks.database.size_mb == 20480
    assert topology.mailbox_server.public_folder_database is False
    assert topology.waits == Waits.model_validate(
        {"poll": 0.05, "reboot": 600.0, "service": 300.0, "setup": 7200.0}
    )
    password = topology.accounts.installer.password
    assert (password, password.scheme, password.name) == ("lab:installer", "lab", "installer")


def test_a_cards_address_has_one_spelling() -> None:
    text = LAB.read_text().replace("00-03-FF-10-00-11", "00:03:ff:10:00:11")
    topology, _, _ = check(text)

    assert topology is not None
    assert topology.nodes[0].public.mac == "00-03-FF-10-00-11"


def test_a_topology_cannot_be_changed() -> None:
    topology = load(LAB).topology

    with pytest.raises(ValidationError):
        topology.cluster.name = "OTHER"  # type: ignore[misc]
    assert {topology: "hashable"}[load(LAB).topology] == "hashable"


def test_a_topology_can_be_made_from_its_own_dump() -> None:
    topology = load(LAB).topology

    assert Topology.model_validate(topology.model_dump(by_alias=True)) == topology


def test_line_ends_of_windows_change_nothing_but_the_digest(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, LAB.read_bytes().replace(b"\n", b"\r\n")))

    assert loaded.topology == load(LAB).topology
    assert loaded.sha256 != load(LAB).sha256


# What is refused, and how


def test_every_fault_stands_on_a_line_of_its_own_in_the_files_order(tmp_path: Path) -> None:
    text = LAB.read_text().replace("poll: 50ms", "poll: 0s").replace("E2K7CLU", "E2K7_CLU")
    path = written(tmp_path, text.replace("version: 1", "version: 1\nzebra: 1"))

    assert "\n".join(refusal(path)) == (
        f"The parameter file {path} has 3 faults.\n"
        "  Why:  line 5: zebra: found an unknown key, wanted one of version, target, lab, approval,"
        " domain, accounts, nodes, networks, disks, cluster, mailbox_server, exchange, waits\n"
        'line 35: cluster.name: found "E2K7_CLU" with "_" as character 5, wanted a name of 1 to 15'
        " letters, digits and inner hyphens, not digits alone\n"
        'line 38: waits.poll: found "0s", wanted a duration from 10ms to 1m such as 50ms, 5s, 10m,'
        " 2h\n"
        "  Next: correct each line named above; parameters/lab.yaml is a file without faults."
    )


def test_the_error_has_the_exit_code_of_parameters(tmp_path: Path) -> None:
    with pytest.raises(ParametersError) as caught:
        load(tmp_path / "missing.yaml")

    assert caught.value.exit_code is ExitCode.PARAMETERS


@pytest.mark.parametrize("kind", ["directory", "pipe", "socket", "device"])
def test_what_is_no_regular_file_is_never_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))
    else:
        path = Path(os.devnull)
    named = {"pipe": "named pipe"}.get(kind, kind)

    assert refusal(path) == [
        f"The parameter file {path} cannot be used.",
        f"  Why:  it is a {named}",
        "  Next: name a regular file.",
    ]


def test_a_missing_file_is_told_as_such(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no\nsuch")[:2] == [
        f"The parameter file {tmp_path}/no<U+000A>such cannot be used.",
        "  Why:  it cannot be read: No such file or directory",
    ]


def test_a_name_that_is_no_name_is_told_as_such() -> None:
    assert refusal(Path("a\0b"))[1] == "  Why:  it cannot be read: its name is no file name"


def test_an_unreadable_file_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    assert refusal(written(tmp_path, "a: b"))[1] == "  Why:  it cannot be read: Permission denied"


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)

    assert refusal(path)[1:] == [
        "  Why:  it has 104857600 bytes",
        "  Next: name at most 65536 bytes.",
    ]


def test_a_file_of_64_kib_is_read(tmp_path: Path) -> None:
    text = LAB.read_text()
    path = written(tmp_path, text + "#" * (64 * 1024 - len(text)))

    assert load(path).topology == load(LAB).topology


def test_utf_16_is_named(tmp_path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        path = written(tmp_path, ("\ufeff" + LAB.read_text()).encode(encoding))

        assert refusal(path)[1] == "  Why:  line 1: found a file in UTF-16, wanted UTF-8"


def test_bytes_that_are_not_utf_8_are_named_beside_other_faults(tmp_path: Path) -> None:
    data = LAB.read_bytes().replace(b"E2K7CLU", b"E2K7\xe9CLU").replace(b"50ms", b"50")

    assert refusal(written(tmp_path, data))[1] == (
        "  Why:  line 34: found the byte 0xE9 as byte 21 of the line, wanted UTF-8\n"
        'line 37: waits.poll: found "50", wanted a duration from 10ms to 1m such as 50ms, 5s, 10m,'
        " 2h"
    )


def test_carriage_returns_alone_are_named_once(tmp_path: Path) -> None:
    path = written(tmp_path, LAB.read_bytes().replace(b"\n", b"\r"))

    assert refusal(path)[1] == (
        "  Why:  line 1: found carriage returns (U+000D) alone at the ends of lines,"
        " wanted LF or CRLF"
    )


def test_thousands_of_faults_are_cut_short(tmp_path: Path) -> None:
    text = LAB.read_text() + "".join(f"key_{number}: x\n" for number in range(1100))
    lines = refusal(written(tmp_path, text))[1].split("\n")

    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "and 1000 more"


def test_who_else_can_write_the_file_is_remarked_upon(tmp_path: Path) -> None:
    path = written(tmp_path, LAB.read_bytes())
    path.chmod(0o666)

    assert load(path).warnings == ("the parameter file can be written by everybody",)


def test_a_foreign_owner_is_remarked_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = LAB.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    expected = (f"the parameter file belongs to another user ({owner})",) if owner else ()

    assert load(LAB).warnings == expected


# Files of the repository


def test_every_placeholder_of_the_example_is_named() -> None:
    lines = EXAMPLE.read_text().split("\n")
    holes = [number for number, line in enumerate(lines, start=1) if re.search(r": <|- <", line)]
    _, faults, _ = check(EXAMPLE.read_text())

    assert len(holes) == 28
    assert [fault.line for fault in faults] == holes
    assert all(fault.found.startswith('the placeholder "<') for fault in faults)


def test_the_schema_in_the_repository_is_the_models() -> None:
    assert (PARAMETERS / "schema.json").read_text() == schema_text()


@pytest.mark.parametrize("path", [LAB, EXAMPLE], ids=lambda path: path.name)
def test_editors_find_the_schema(path: Path) -> None:
    first = path.read_text().split("\n")[0]

    assert first == "# yaml-language-server: $schema=schema.json"


def test_each_field_is_explained_to_editors() -> None:
    definitions = json.loads(schema_text())["$defs"]
    bare = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, field in definition.get("properties", {}).items()
        if "description" not in field and "$ref" not in field
    ]

    assert bare == []


# Nothing else is raised, and nothing is kept


BYTES = LAB.read_bytes()


@examples(0.6)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(BYTES) - 1),
            st.sampled_from(["replace", "insert", "delete", "repeat"]),
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(list(b"&*!|>%@`[]{}"))),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_damaged_file_raises_nothing_but_parameters_error(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, str, bytes | int]]
) -> None:
    data = bytearray(BYTES)
    for place, how, what in damage:
        piece = bytes([what]) if isinstance(what, int) else what
        if how == "delete":
            del data[place : place + 20]
        elif how == "repeat":
            data[place:place] = data[place : place + 40]
        else:
            data[place : place + len(piece) * (how == "replace")] = piece
    path = written(tmp_path_factory.getbasetemp(), bytes(data))

    lines: list[str] = []
    try:
        load(path)
    except ParametersError as error:
        lines = error.lines()

    assert set("\n".join(lines)) <= {"\n", *map(chr, range(0x20, 0x7F))}


@examples(0.6)
@given(st.text(max_size=200))
@example("{" * 2000)  # deeper than the interpreter goes
@example("[" * 2000)
@example("- " * 5000)
@example("? " * 5000)
@example("a: !!python/object/apply:os.system [id]")
@example("? a\n? a\n")
@example('"\\UFFFFFFFF": x')
@example("a: |9\n b")
@example("--- !!map {}\n...\n%TAG")
def test_any_text_at_all_is_answered_with_faults(text: str) -> None:
    topology, faults, warnings = check(text)

    assert topology is None
    assert faults
    assert warnings == ()


@given(
    st.lists(st.sampled_from(["Zq7", "Xv9", *"'\"\\:,{}[]&*!|>%@`#?- \t"]), min_size=2, max_size=9),
    st.sampled_from(["{}", "'{}'", '"{}"', "!{}", "*{}", "&{}", "[{}]", "{{{}}}", "env:{}$"]),
)
@examples(0.8)
def test_whatever_yaml_makes_of_a_literal_password_no_part_of_it_is_shown(
    pieces: list[str], form: str
) -> None:
    literal = form.format("Zq7" + "".join(pieces) + "Xv9$")
    for text in (
        LAB.read_text().replace('"lab:installer"', literal),
        EXAMPLE.read_text().replace("keyring:scc-runbook/installer", literal),
    ):
        _, faults, warnings = check(text)

        assert not re.search("zq7|xv9", str((faults, warnings)), re.IGNORECASE)

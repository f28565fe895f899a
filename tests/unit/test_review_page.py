"""The page of a run: what it shows, and what it must never hold."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import PreconditionError, RecordDamagedError
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.manifest import seal
from runbook_lib.review.page import page, write_page

PHASE = "10_configure_networks"
ACTIVE = re.compile(r"(?i)<script|<iframe|<object|<embed| on[a-z]+=|javascript:|https?://|url\(")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

PAYLOADS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</pre></details></main><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=https://evil.example/>x</a>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "{{ 7*7 }}{% for x in y %}",
    "$\\unicode{<img src=1 onerror=alert(1)>}$",
    "```mermaid\ngraph TD; A-->B; click A 'javascript:alert(1)'\n```",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "\x1b[2J\x1b[1;1Hcleared",
    "ok\nstep 7 verified OK",
    "\u202egnp.exe\u202c",
    "a\u200bb\ufeffc",
    "\x00\x7f\x9b",
    "\ud800 lone",
    "]]><!--",
    "&lt;script&gt;",
]


class Page(HTMLParser):
    """A parsed page: its elements with attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def adapter(**facts: Any) -> dict[str, Any]:
    return {
        "mac": "00-01", "connection": "Local Area Connection", "status": "connected",
        "address": "192.168.1.101", "network": "Public", "netbios": "default",
    } | facts  # fmt: skip


def picture(title: str, **facts: Any) -> dict[str, Any]:
    return {
        "title": title,
        "networks": [{"name": "Public", "subnet": "192.168.1.0/24"}],
        "nodes": [
            {
                "name": "Node1",
                "wanted_name": "Node1",
                "power": "on",
                "adapters": [adapter(**facts)],
            }
        ],
    }


def whole_run(word: str = "") -> list[JournalEntry]:
    """Return the record of a run with every kind of entry; `word` stands in every text of it."""
    step = {"phase": PHASE, "step": "disable_netbios", "node": f"Node1{word}", "ids": ["S017"]}
    change = {
        "setting": f"NetBIOS{word}",
        "before": f"default{word}",
        "after": f"off{word}",
        "undo": f"enable NetBIOS again{word}",
        "effect": "now",
        "command": f"$adapter.SetTcpipNetbios((Read-Host -Prompt 'lab:x')){word}",
        "exposes": [f"the password stands in a file{word}"],
    }
    told: list[tuple[str, Mapping[str, Any]]] = [
        (
            "run_opened",
            {
                "run": f"run-1{word}",
                "version": f"0.1{word}",
                "parameters_sha256": "ab" * 32,
                "parameters_file": f"lab.yaml{word}",
                "user": f"anna{word}",
                "host": f"desk{word}",
                "utc_offset_minutes": 90,
                "target": "lab",
                "phases": [PHASE, "99_check_end_state"],
                "approval": "person",
                "warnings": [f"a warning{word}"],
            },
        ),
        ("enrolled", {"node": f"Node1{word}", "machine_guid": f"guid{word}", "macs": []}),
        ("phase_opened", {"phase": PHASE, "attempt": 1, "mode": "apply"}),
        ("observed", {"phase": PHASE, "when": "before", "picture": picture(f"before{word}")}),
        (
            "planned",
            {
                "phase": PHASE,
                "plan_sha256": "cd" * 32,
                "steps": [{**step, "title": f"NetBIOS is off{word}", "changes": [change]}],
            },
        ),
        (
            "gate_opened",
            {
                "gate": f"plan gate{word}",
                "kind": "plan",
                "phase": PHASE,
                "plan_sha256": "cd" * 32,
                "instruction": f"approve the plan{word}",
            },
        ),
        (
            "gate_answered",
            {
                "gate": f"plan gate{word}",
                "answer": "approve",
                "by": f"Berta{word}",
                "reason": f"change window{word}",
                "os_user": f"berta1{word}",
                "automatic": False,
                "note": f"seen on site{word}",
                "evidence": [
                    {
                        "file": f"evidence/g.1.photo.jpg{word}",
                        "name": f"photo.jpg{word}",
                        "bytes": 3,
                        "sha256": f"{'ef' * 32}{word}",
                    }
                ],
            },
        ),
        ("intent", {**step, **change, "step_class": "S"}),
        ("result", {"intent": 7, "outcome": "done", "code": 1, "output": [f"answer{word}", ""]}),
        (
            "verified",
            {
                **step,
                "title": f"NetBIOS is off{word}",
                "outcome": "changed",
                "changes": [{**change, "outcome": "changed"}],
            },
        ),
        ("intent", {**step, **change, "setting": f"adopted one{word}"}),
        ("adopted", {"intent": 10, "evidence": f"evidence{word}"}),
        (
            "verified",
            {**step, "node": "Node2", "outcome": "unchanged", "reason": f"was off{word}"},
        ),
        (
            "failed",
            {
                "phase": PHASE,
                "step": f"a step{word}",
                "node": f"Node2{word}",
                "error": "CommandFailedError",
                "what": f"it failed{word}",
                "why": f"a reason{word}",
                "next": f"do this{word}",
                "exit_code": 50,
            },
        ),
        ("interrupted", {"phase": PHASE, "signal": f"SIGINT{word}"}),
        ("recovered", {"torn_file": f"journal.torn-1{word}", "bytes": 7, "event": None}),
        (
            "rebooted",
            {
                "phase": PHASE,
                "node": f"Node1{word}",
                "boot_before": "2026-11-23T05:00:00+00:00",
                "boot_after": "2026-11-23T10:01:00+00:00",
            },
        ),
        (
            "observed",
            {
                "phase": PHASE,
                "when": "after",
                "picture": picture(f"after{word}", connection=f"Public{word}", netbios="off"),
            },
        ),
        ("phase_closed", {"phase": PHASE, "attempt": 1, "outcome": "done", "exit_code": 0}),
        (f"strange{word}", {f"key{word}": [f"value{word}"]}),
        (
            "event_log",
            {
                "phase": PHASE,
                "node": f"Node1{word}",
                "since": "2026-11-23T10:00:00+00:00",
                "unread": "",
                "errors": [
                    {
                        "log": f"System{word}",
                        "source": f"ClusSvc{word}",
                        "code": 1069,
                        "at": "2026-11-23T22:30:05+00:00",
                        "message": f"a resource failed{word}",
                    }
                ],
            },
        ),
        ("event_log", {"phase": PHASE, "node": f"Node2{word}", "unread": f"no answer{word}"}),
        ("run_closed", {"outcome": "abandoned", "by": f"Carl{word}", "reason": f"late{word}"}),
    ]
    return [
        JournalEntry(n, f"2026-11-23T10:00:{n:02d}.000+00:00", event, data, "", f"{n:064x}")
        for n, (event, data) in enumerate(told)
    ]


def test_everything_that_was_recorded_is_on_the_page() -> None:
    text = Page(page(whole_run())).text

    for fact in (
        "REHEARSAL on simulated nodes (LAB)",
        "run-1", "! abandoned", "2026-11-23 10:00:00 (11:30:00 UTC+01:30)",
        "to 2026-11-23 10:00:22 (11:30:22 UTC+01:30) UTC",
        "22 s",
        "Closed by Carl: late", "anna on desk", "lab.yaml", "ab" * 32, "0.1",
        "Node1: MachineGuid guid", "23 entries", f"{22:064x}", "a warning",
        "10 configure networks", "99 check end state", "not begun", "16 s",
        "it failed", "a reason", "do this", "CommandFailedError, exit code 50",
        "Interrupted by SIGINT", "the change of journal 10 was found done. evidence",
        "a line that was cut off (7 bytes) was set aside as journal.torn-1",
        "NetBIOS is off S017", "default \u2192 off", "$adapter.SetTcpipNetbios",
        "Undo: enable NetBIOS again", "answered 1", "journal 7 to 9", "was off",
        "approve the plan", "by Berta", "account berta1", "change window", "plan " + "cd" * 8,
        "2026-11-23 05:00:00", "2026-11-23 10:01:00",
        "2026-11-23 22:30:05 (00:00:05 UTC+01:30) System ClusSvc 1069 a resource failed 20",
        "The event logs of Node2 could not be read at the end of 10_configure_networks: no answer",
        "seen on site", "file photo.jpg: evidence/g.1.photo.jpg SHA-256 " + "ef" * 32,
        "carried a secret", "the password stands in a file", "strange",
        '{"key": ["value"]}', "changed since before",
    ):  # fmt: skip
        assert fact in text, fact


def test_a_run_on_nodes_is_never_called_a_rehearsal() -> None:
    entries = whole_run()
    entries[0].data["target"] = "nodes"  # type: ignore[index]

    text = Page(page(entries)).text

    assert "NODES: changes to real servers" in text
    assert "REHEARSAL" not in text


def test_an_automatic_answer_is_told_apart_from_a_persons() -> None:
    entries = whole_run()
    before = Page(page(entries)).text
    entries[6].data["automatic"] = True  # type: ignore[index]

    assert "automatic by Berta" not in before
    assert "automatic by Berta" in Page(page(entries)).text


def test_backout_tells_the_last_change_first() -> None:
    source = page(whole_run())

    backout = Page(source[source.index("<h2>Backout</h2>") :]).text
    assert backout.index("adopted one") < backout.index("NetBIOS off default")


def test_the_same_record_gives_the_same_page() -> None:
    assert page(whole_run()) == page(whole_run())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_anywhere_in_the_record_stays_text(payload: str) -> None:
    source = page(whole_run(payload))

    shape = [
        (tag, sorted(attributes)) for tag, attributes in Page(source).elements if tag != "span"
    ]
    expected = [
        (tag, sorted(attributes))
        for tag, attributes in Page(page(whole_run("x"))).elements
        if tag != "span"
    ]
    assert shape == expected
    assert not ACTIVE.search(source)
    assert not CONTROL.search(source)
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", source)
    source.encode("utf-8")


def test_the_page_allows_itself_one_style_sheet_and_nothing_else() -> None:
    source = page(whole_run())
    found = Page(source)

    style = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policies = [a["content"] for tag, a in found.elements if a.get("http-equiv")]
    assert len(style) == 1
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert not any("style" in attributes for _, attributes in found.elements)
    assert not any(
        name in attributes for _, attributes in found.elements for name in ("href", "src", "action")
    )


def long_run(steps: int, others: int) -> list[JournalEntry]:
    """Return a record with long texts in so many steps, and in so many entries of each kind."""
    long = {
        "outcome": "changed", "reason": "y" * 5000,
        "changes": [{"setting": "s" * 500, "before": "b" * 500, "after": "a" * 500,
                     "undo": "u" * 500, "command": "c" * 5000}],
    }  # fmt: skip
    told = [
        ("verified", {"phase": PHASE, "step": f"step_{n}", "node": "Node1"} | long
         | {"title": f"step {n} " + "x" * 300})
        for n in range(1000, 1000 + steps)
    ]  # fmt: skip
    told += [
        (event, {"gate": str(n), "what": "w" * 5000})
        for event in ("failed", "gate_opened", "odd")
        for n in range(1000, 1000 + others)
    ]
    entries = whole_run()
    at = entries[-1].at
    return entries + [
        JournalEntry(n, at, event, data, "", "0" * 64)
        for n, (event, data) in enumerate(told, len(entries))
    ]


def test_a_page_stops_growing_and_tells_how_much_it_leaves_out() -> None:
    source = page(long_run(1200, 250))

    assert len(source.encode()) < 5_000_000
    assert source.count('<details class="step"') == 1000
    assert source.count("<b>Recovered</b>") == 1
    assert source.count('<br><span class="soft small">gate ') == 200
    assert re.findall(r">(\d+ more [a-z ]*) are in the journal and not on this page", source) == [
        "54 more failures and interruptions",
        "403 more steps and changes of this phase",
        "51 more gates",
        "1002 more changes",
        "51 more entries",
    ]


def test_a_usual_run_makes_a_small_page() -> None:
    assert len(page(whole_run()).encode()) < 40_000


def journal_of(entries: list[JournalEntry], run: Path) -> Path:
    journal = Journal.create(
        run / "journal.jsonl", SteppedClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
    )
    for entry in entries:
        journal.append(entry.event, entry.data)
    return run


def test_the_page_is_written_into_the_folder_privately(tmp_path: Path) -> None:
    run = journal_of(whole_run(), tmp_path / "run")

    path = write_page(run)

    assert path == run / "review.html"
    assert path.read_text("utf-8") == page(run)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_sealed_folder_keeps_its_page_and_another_may_be_written_elsewhere(
    tmp_path: Path,
) -> None:
    run = journal_of(whole_run(), tmp_path / "run")
    write_page(run)
    seal(run, {})
    before = (run / "review.html").read_bytes()

    with pytest.raises(PreconditionError, match="is sealed"):
        write_page(run)
    elsewhere = write_page(run, tmp_path / "page.html")

    assert elsewhere.read_bytes() == before == (run / "review.html").read_bytes()


def test_a_broken_record_makes_no_page(tmp_path: Path) -> None:
    run = journal_of(whole_run(), tmp_path / "run")
    journal = run / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"Berta", b"Carla"))

    with pytest.raises(RecordDamagedError, match="Entry 7 "):
        write_page(run)

    assert not (run / "review.html").exists()

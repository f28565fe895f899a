"""`scc-runbook` as a person or a scheduler starts it: a process, with folders of its own.

Nothing here asks the package how a run stands: the journal is read as lines of JSON, the nodes
are looked at through the lab's control address.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped] # ipykernel depends on it

from runbook_lib.lab import scenarios
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB, ROOT

SCC = Path(sys.executable).with_name("scc-runbook")
PATIENCE_S = 240.0
"""For one command on a machine that is busy with other things."""

LOOK_S = 0.005
NODES = ("E2K7SCCNode1", "E2K7SCCNode2")
MACS = {
    NODES[0]: {"Public": "00-03-FF-10-00-11", "Private": "00-03-FF-10-00-21"},
    NODES[1]: {"Public": "00-03-FF-10-00-12", "Private": "00-03-FF-10-00-22"},
}
CHECK, NETWORKS, END = "00_check_prerequisites", "10_configure_networks", "99_check_end_state"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> tuple[str, str, str]:
        """Return what, why and next step of the one error that was told."""
        lines = self.err.splitlines()
        (at,) = [n for n, line in enumerate(lines) if line.startswith("  Why:")]
        (then,) = [n for n, line in enumerate(lines) if line.startswith("  Next:")]
        why = [lines[at].removeprefix("  Why:"), *lines[at + 1 : then]]
        return (
            lines[at - 1],
            "\n".join(line.strip() for line in why),
            "\n".join(lines[then:]).removeprefix("  Next:").strip(),
        )

    @property
    def json(self) -> Any:
        """Return the answer of a command that was asked for JSON."""
        return json.loads(self.out)


@dataclass
class Begun:
    """A command that goes on; `ended` waits for it."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def ended(self) -> Ended:
        """Return how it ended, and that it showed nobody a traceback."""
        code = self.process.wait(PATIENCE_S)
        ended = Ended(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))
        assert "Traceback" not in ended.out + ended.err, ended
        return ended

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and nobody else."""
        self.process.send_signal(number)

    def kernels(self) -> list[psutil.Process]:
        """Return the kernels that it drives or keeps ready."""
        return self._named("ipykernel")

    def lab(self) -> psutil.Process:
        """Return the lab that it started."""
        (lab,) = self._named("runbook_lib.lab")
        return lab

    def _named(self, word: str) -> list[psutil.Process]:
        return [each for each in self._children() if word in " ".join(each.cmdline())]

    def _children(self) -> list[psutil.Process]:
        """Return what it started and still has; none of a process that has ended.

        Its number may belong to somebody else by then, and so would the children.
        """
        if self.process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.process.pid).children(recursive=True))
        return []

    def cut_off(self) -> None:
        """End it and whatever it started, if it still runs."""
        for each in [*self._children(), self.process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()


@dataclass
class Desk:
    """Where one person works: runs, a home and parameter files of his own.

    working_folder: where the person's shell stands.
    """

    folder: Path
    home: Path
    working_folder: Path = ROOT
    begun: list[Begun] = field(default_factory=list)

    @property
    def runs(self) -> Path:
        """Return where the runs go."""
        return self.folder / "runs"

    @property
    def run(self) -> Path:
        """Return the one run folder under `runs`."""
        (found,) = [path.parent for path in self.runs.glob("*/journal.jsonl")]
        return found

    def begin(self, *arguments: object, **environment: str) -> Begun:
        """Start a command of `scc-runbook`."""
        return self.start([str(SCC), *map(str, arguments)], **environment)

    def start(self, command: Sequence[str], **environment: str) -> Begun:
        """Start any program in this person's surroundings."""
        self.runs.mkdir(parents=True, exist_ok=True)
        name = f"command-{len(self.begun)}"
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=self.working_folder,
                env={**self._environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        begun = Begun(process, out, err)
        self.begun.append(begun)
        return begun

    def scc(self, *arguments: object, **environment: str) -> Ended:
        """Run a command of `scc-runbook` to its end."""
        return self.begin(*arguments, **environment).ended()

    def parameters(
        self,
        *changes: tuple[str, str],
        lab: LabControl | None = None,
        name: str = "parameters.yaml",
    ) -> Path:
        """Write the rehearsal's parameter file, changed; return its path.

        changes: (text in the file, what stands there instead). lab: the one that is to be joined.
        """
        text = LAB.read_text("utf-8")
        joined = [("control: null", f'control: "{lab.url}"')] if lab else []
        for before, after in (*joined, *changes):
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def close(self) -> None:
        """End what still runs."""
        for each in self.begun:
            each.cut_off()

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if "RUNBOOK" not in name}
        return {**ours, "HOME": str(self.home), "RUNBOOK_RUNS": str(self.runs)}


# -- what a run left


def entries(run: Path) -> list[Entry]:
    """Return the journal's whole lines as they stand there."""
    text = (run / "journal.jsonl").read_bytes()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def events(run: Path, event: str) -> list[Entry]:
    """Return the journal's entries of one kind."""
    return [entry for entry in entries(run) if entry["event"] == event]


def wait_for(run: Path, found: Callable[[list[Entry]], bool], begun: Begun) -> None:
    """Return as soon as the journal shows what is looked for; the command must still run."""
    journal = run / "journal.jsonl"
    ends = time.monotonic() + PATIENCE_S
    size = -1
    while time.monotonic() < ends:
        now = journal.stat().st_size if journal.exists() else 0
        if now != size:
            size = now
            if now and found(entries(run)):
                return
        assert begun.process.poll() is None, begun.err.read_text("utf-8")
        time.sleep(LOOK_S)
    raise TimeoutError(f"{run} does not show it within {PATIENCE_S:g} s")


def gone(*processes: psutil.Process) -> None:
    """Return when these processes have ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.wait(PATIENCE_S)


def unsettled(run: Path) -> list[Entry]:
    """Return the intents of which the journal does not say what became of them."""
    told = {e["data"]["intent"] for e in entries(run) if e["event"] in {"result", "adopted"}}
    return [e for e in events(run, "intent") if e["seq"] not in told]


def notebook(run: Path, phase: str, attempt: int = 1) -> dict[str, Any]:
    """Return a run's executed notebook."""
    return executed(run / "notebooks" / f"{phase}.{attempt}.ipynb")


def executed(path: Path) -> dict[str, Any]:
    """Return an executed notebook; it is valid and shows nobody a traceback."""
    import nbformat

    text = path.read_text("utf-8")
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert "Traceback" not in text
    content: dict[str, Any] = json.loads(text)
    return content


def cell_states(run: Mapping[str, Any]) -> dict[str, str]:
    """Return the state of each code cell by the cell's last line."""
    return {
        str("".join(cell["source"])).strip().splitlines()[-1]: cell["metadata"]["papermill"][
            "status"
        ]
        for cell in run["cells"]
        if cell["cell_type"] == "code"
    }


# -- what the nodes are


def effects(lab: LabControl) -> list[dict[str, Any]]:
    """Return every change of the nodes that somebody made; time's own work is left out."""
    return [effect for effect in lab.ledger() if effect["cause"] != "time"]


def deeds(lab: LabControl) -> Counter[tuple[str, str, str, str]]:
    """Return who did what on which node, and how often."""
    return Counter(
        (
            effect["node"],
            effect["cause"],
            effect["what"],
            json.dumps(effect["after"], sort_keys=True),
        )
        for effect in effects(lab)
    )


def standing(lab: LabControl) -> dict[str, dict[str, Any]]:
    """Return how each node stands, in the words of Windows' own dialogs."""
    nodes = lab.state()["nodes"]
    return {name: _standing(node, _guids()[name]) for name, node in nodes.items()}


def _guids() -> dict[str, dict[str, str]]:
    """Return node -> GUID of an adapter -> what it is called here."""
    return {
        node: {
            hardware.guid: network
            for hardware in scenarios.hardware_of(machine, seed=1)
            for network, mac in MACS[node].items()
            if hardware.mac == mac
        }
        for node, machine in zip(NODES, scenarios.MACHINES, strict=True)
    }


def _standing(node: Mapping[str, Any], guids: Mapping[str, str]) -> dict[str, Any]:
    registry = node["registry"]
    control = r"SYSTEM\CurrentControlSet\Control"
    services = r"SYSTEM\CurrentControlSet\Services"
    names = rf"{control}\ComputerName"
    server = registry[rf"{services}\LanmanServer\Linkage"]["Bind"]
    return {
        "name": registry[rf"{names}\ActiveComputerName"]["ComputerName"],
        "name after the next start": registry[rf"{names}\ComputerName"]["ComputerName"],
        "restarts": node["boots"] - 1,
        "order": [
            guids.get(each, each) for each in node["binding_order"] if _is_known(each, guids)
        ],
        "order in the registry": [
            [guids.get(each, each) for each in _named(values, guids)]
            for values in registry[rf"{services}\Tcpip\Linkage"].values()
        ],
        "file sharing": sorted(guids[each] for bound in server for each in guids if each in bound),
        "LMHOSTS lookup": registry[rf"{services}\NetBT\Parameters"]["EnableLMHOSTS"],
        "connections": dict(sorted(_connections(registry, guids))),
    }


def _is_known(name: str, guids: Mapping[str, str]) -> bool:
    return name in guids or not name.startswith("{")


def _named(values: Sequence[str], guids: Mapping[str, str]) -> Iterator[str]:
    """Yield the known adapters of a binding list, whatever the list wraps their names in."""
    for value in values:
        for name in (*guids, "NdisWanIp"):
            if name in value:
                yield name


def _connections(
    registry: Mapping[str, Any], guids: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    services = r"SYSTEM\CurrentControlSet\Services"
    network = r"SYSTEM\CurrentControlSet\Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
    for guid, role in guids.items():
        tcpip = registry[rf"{services}\Tcpip\Parameters\Interfaces\{guid}"]
        netbt = registry[rf"{services}\NetBT\Parameters\Interfaces\Tcpip_{guid}"]
        yield (
            role,
            {
                "name": registry[rf"{network}\{guid}\Connection"]["Name"],
                "DHCP": tcpip["EnableDHCP"],
                "address": list(zip(tcpip["IPAddress"], tcpip["SubnetMask"], strict=True)),
                "gateway": tcpip["DefaultGateway"],
                "DNS servers": tcpip["NameServer"],
                "registers in DNS": bool(tcpip.get("RegistrationEnabled", 1)),
                "NetBIOS": netbt["NetbiosOptions"],
                "WINS servers": netbt["NameServerList"],
            },
        )


def _wished(node: str, host: int) -> dict[str, Any]:
    return {
        "name": node.upper(),
        "name after the next start": node.upper(),
        "restarts": 1,
        "order": ["Public", "Private", "NdisWanIp"],
        "order in the registry": [["Public", "Private", "NdisWanIp"]] * 3,
        "file sharing": ["Public"],
        "LMHOSTS lookup": 0,
        "connections": {
            "Private": {
                "name": "Private",
                "DHCP": 0,
                "address": [(f"10.10.10.{host}", "255.255.255.0")],
                "gateway": [],
                "DNS servers": "",
                "registers in DNS": False,
                "NetBIOS": 2,
                "WINS servers": [],
            },
            "Public": {
                "name": "Public",
                "DHCP": 0,
                "address": [(f"192.168.1.1{host}", "255.255.255.0")],
                "gateway": ["192.168.1.1"],
                "DNS servers": "192.168.1.10",
                "registers in DNS": True,
                "NetBIOS": 0,
                "WINS servers": [],
            },
        },
    }


AS_DOCUMENTED = {NODES[0]: _wished(NODES[0], 1), NODES[1]: _wished(NODES[1], 2)}
"""Both nodes as the document and the rehearsal's parameter file want them, once restarted."""

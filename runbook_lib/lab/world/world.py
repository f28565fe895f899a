"""The whole simulated site behind one lock: what it answers, what is done to it, what it keeps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_lib.lab import scenarios
from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.faults import ArmedFaults, Fault, FaultError, When
from runbook_lib.lab.finished.phases import before
from runbook_lib.lab.handlers import dispatch, task_runs
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import state_file
from runbook_lib.lab.world.accounts import Passwords
from runbook_lib.lab.world.alarm import Alarm
from runbook_lib.lab.world.clock import Due, LabClock, RunningClock, Schedule
from runbook_lib.lab.world.ledger import Cause, Ledger
from runbook_lib.lab.world.power import NodeIsDownError
from runbook_lib.lab.world.site import Token
from runbook_lib.lab.world.site_acts import perform
from runbook_lib.lab.world.windows_node import Told, WindowsNode
from runbook_lib.topology.models import Topology

_log = logging.getLogger(__name__)

PowerCallback = Callable[[str, bool], None]
ResetCallback = Callable[[str], None]


class World:
    """Two nodes, their network, their domain.

    Every method may be called from any thread. Callbacks are called without the lock held, in
    the order in which things happened, before the call that caused them returns; what time
    brings about is told from a thread of its own.
    """

    def __init__(
        self,
        scenario: str,
        inputs: Inputs,
        seed: int,
        *,
        state_folder: Path | None = None,
        clock: LabClock | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._telling = threading.RLock()
        self._inputs = inputs
        self._folder = state_folder
        self._clock: LabClock = clock or RunningClock()
        self._passwords = Passwords(inputs.administrator, inputs.domain.accounts)
        self._faults = ArmedFaults()
        self._power_callbacks: list[PowerCallback] = []
        self._reset_callbacks: list[ResetCallback] = []
        self._alarm = Alarm(self._wake)
        self._saved_length = -1
        self._build(scenario, seed)

    @classmethod
    def create(
        cls,
        scenario: str = scenarios.FACTORY,
        topology: Topology | None = None,
        seed: int = 1,
        state_folder: Path | None = None,
        *,
        clock: LabClock | None = None,
    ) -> World:
        """Return a world at a starting state, or where the one in `state_folder` stopped.

        clock: by default lab time runs a hundred times as fast as real time.
        """
        saved = state_file.load(state_folder) if state_folder else None
        inputs = Inputs.of(topology)
        if saved is None:
            world = cls(scenario, inputs, seed, state_folder=state_folder, clock=clock)
        else:
            world = cls(
                saved["scenario"], inputs, saved["seed"], state_folder=state_folder, clock=clock
            )
            world._restore(saved)
        world.save()
        world._settle()
        return world

    @property
    def scenario(self) -> str:
        """Return where this world began."""
        return self._scenario

    @property
    def seed(self) -> int:
        """Return what its GUIDs come from."""
        return self._seed

    @property
    def node_names(self) -> tuple[str, ...]:
        """Return the names by which the wire knows the nodes."""
        return tuple(self._nodes)

    @property
    def password_names(self) -> tuple[str, ...]:
        """Return the names that `password` takes."""
        return self._passwords.names

    def answer(self, node: str, user: str, invocation: Invocation) -> Reply:
        """Return what a node answers to one pipeline; NodeIsDownError when it cannot.

        Everything it changed is saved before this returns, and the callbacks have been called.
        """
        try:
            with self._lock:
                return self._answer(self._node(node), user, invocation)
        finally:
            self._settle()

    def is_listening(self, node: str) -> bool:
        """Tell whether a node takes connections now."""
        with self._lock:
            found = self._node(node)
            if not found.is_on:
                self._clock.polled()
            self._tick()
            listening = found.is_on
        self._settle()
        return listening

    def accounts(self, node: str) -> Mapping[str, str]:
        """Return who may log on to a node now: user -> password."""
        with self._lock:
            found, domain = self._node(node), self._site.domain
            return {**self._passwords.of_machine(found), **domain.logons_on(found)}

    def refused_logon(self, user: str) -> None:
        """Hear that somebody gave a wrong password: the domain counts it against the account.

        A name without its domain is the machine's own account, which the domain never hears of.
        """
        if "\\" not in user and "@" not in user:
            return
        with self._lock, self._ledger.caused_by(Cause.WIRE):
            account = self._site.domain.account(user)
            if account is not None and self._site.domain.may_log_on(account):
                self._site.domain.bad_password(account)
            self._save_if_changed()

    def password(self, name: str) -> str:
        """Return a password by its name, such as "local-administrator"."""
        return self._passwords.value(name)

    def act(self, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Do what a person would do, and return the effects it had; ActError when it cannot be."""
        try:
            with self._lock:
                self._tick()
                first = len(self._ledger.effects)
                with self._ledger.caused_by(Cause.PERSON):
                    perform(self._site, name, arguments)
                self._save_if_changed()
                effects = self._ledger.effects[first:]
        finally:
            self._settle()
        return {"effects": [effect.as_json() for effect in effects]}

    def state(self) -> dict[str, Any]:
        """Return the state of everything, without times and passwords; GUIDs as they are."""
        with self._lock:
            self._tick()
            state = self._state()
        self._settle()
        return state

    def ledger(self) -> list[dict[str, Any]]:
        """Return every change so far, in order."""
        with self._lock:
            return [effect.as_json() for effect in self._ledger.effects]

    def command_lines(self) -> list[dict[str, str]]:
        """Return every program that was started, with its arguments."""
        with self._lock:
            return [line.as_json() for line in self._ledger.command_lines]

    def on_power_change(self, callback: PowerCallback) -> None:
        """Call `callback(node, is_listening)` whenever a node falls silent or answers again."""
        self._power_callbacks.append(callback)

    def on_connections_reset(self, callback: ResetCallback) -> None:
        """Call `callback(node)` whenever a change of address breaks a node's connections."""
        self._reset_callbacks.append(callback)

    def arm_fault(self, given: Mapping[str, object]) -> None:
        """Let a fault of the world wait for its command; FaultError for one of the wire."""
        fault = Fault.parse(given)
        if fault.is_of_the_wire:
            raise FaultError(f"{fault.deed} happens on the wire, not on a node")
        with self._lock:
            if fault.node is not None and self._find(fault.node) is None:
                raise FaultError(f"node: {fault.node!r} is none of {', '.join(self._nodes)}")
            self._faults.arm(fault)

    def clear_faults(self) -> None:
        """Forget all faults and what they still make the nodes do."""
        with self._lock:
            self._faults.clear()
            for node in self._nodes.values():
                node.calm_down()

    def reset(self, scenario: str, seed: int | None = None) -> None:
        """Begin again at a starting state; passwords and callbacks stay, ledgers are empty."""
        with self._lock:
            before = {name: node.is_on for name, node in self._nodes.items()}
            self._build(scenario, self._seed if seed is None else seed)
            self._faults.clear()
            self._told.resets.extend(self._nodes)
            self._told.power_changes.extend(
                (name, node.is_on)
                for name, node in self._nodes.items()
                if node.is_on != before[name]
            )
            self.save()
        self._settle()

    def save(self) -> None:
        """Put the world on disk, if it has a state folder."""
        with self._lock:
            if self._folder is not None:
                state_file.save(self._folder, self._as_saved())
            self._saved_length = self._ledger.length

    def close(self) -> None:
        """Save, and let time stand still."""
        with self._lock:
            self.save()
            self._alarm.switch_off()

    def _build(self, scenario: str, seed: int) -> None:
        self._scenario = scenarios.canonical(scenario)
        self._seed = seed
        self._ledger = Ledger()
        self._told = Told()
        self._schedule = Schedule(self._clock)
        site = scenarios.site_of(self._inputs)
        self._nodes: dict[str, WindowsNode] = {}
        for name, machine in zip(self._inputs.node_names, scenarios.MACHINES, strict=True):
            node = WindowsNode(
                name,
                scenarios.hardware_of(machine, seed),
                site=site,
                clock=self._clock,
                schedule=self._schedule,
                ledger=self._ledger,
                told=self._told,
            )
            scenarios.deliver(node, machine, seed)
            self._nodes[name] = node
        site.adapters = lambda: (
            holder for node in self._nodes.values() if node.is_on for holder in node.held_addresses
        )
        self._site = scenarios.build(
            self._inputs, self._nodes, self._clock, self._schedule, self._ledger
        )
        self._site.domain.passwords = self._passwords
        self._site.tasks.begin = task_runs.begin
        self._site.tasks.carry_on = task_runs.carry_on
        self._finish_phases()

    def _finish_phases(self) -> None:
        """Bring the site behind the phases before the scenario's; nobody is told how."""
        for finish in before(self._scenario):
            finish(self._site, self._inputs)
        self._ledger.forget()
        self._told.power_changes.clear()
        self._told.resets.clear()

    def _answer(self, node: WindowsNode, user: str, invocation: Invocation) -> Reply:
        if not node.is_on or node.going_down or self._site.tasks.is_busy(node.name):
            self._clock.polled()
        self._tick()
        if not node.is_on:
            raise NodeIsDownError(node.name)
        label = dispatch.label_of(invocation)
        fault = self._faults.strike(node.name, label)
        with self._ledger.caused_by(Cause.TIME):
            if fault and fault.when is When.BEFORE:
                self._befall(node, fault)
        with self._ledger.caused_by(Cause.WIRE):
            reply = dispatch.answer(Context(node, self._site, Token(user), fault), invocation)
        with self._ledger.caused_by(Cause.TIME):
            if fault and fault.when is not When.BEFORE:
                self._befall(node, fault)
        self._save_if_changed()
        return reply

    def _befall(self, node: WindowsNode, fault: Fault) -> None:
        """Let a fault happen to a node; raise when it costs the reply."""
        _log.info("%s: fault %s %s", node.name, fault.deed, fault.argument)
        if fault.deed == "swap_identity":
            node.nuisance.other_guid = scenarios.guid_of(self._seed, f"{node.name}/other")
        elif fault.deed == "no_reboot":
            node.nuisance.ignores_restart = True
        elif fault.deed == "no_return":
            node.nuisance.stays_down = True
        elif fault.deed == "skew":
            node.skew = timedelta(seconds=fault.number)
        elif fault.deed in ("reboot", "power_loss"):
            node.lose_power()
            if fault.deed == "reboot":
                node.switch_on()
            self._save_if_changed()
            raise NodeIsDownError(node.name)

    def _tick(self) -> None:
        with self._ledger.caused_by(Cause.TIME):
            self._schedule.run(self._happen)
        self._save_if_changed()

    def _happen(self, due: Due) -> None:
        self._site.happen(due)

    def _settle(self) -> None:
        """Tell the wire what happened, and wake up when the next thing is due."""
        with self._telling:
            with self._lock:
                power, self._told.power_changes = self._told.power_changes, []
                resets, self._told.resets = self._told.resets, []
                self._alarm.wind(self._schedule.next_in())
            for node in resets:
                for reset in self._reset_callbacks:
                    reset(node)
            for node, is_on in power:
                for change in self._power_callbacks:
                    change(node, is_on)

    def _wake(self) -> None:
        with self._lock:
            self._tick()
        self._settle()

    def _node(self, name: str) -> WindowsNode:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def _find(self, name: str) -> WindowsNode | None:
        return next(
            (node for key, node in self._nodes.items() if key.lower() == name.lower()), None
        )

    def _save_if_changed(self) -> None:
        if self._ledger.length != self._saved_length:
            self.save()

    def _state(self) -> dict[str, Any]:
        return {
            "scenario": self._scenario,
            "seed": self._seed,
            "nodes": {name: node.as_json() for name, node in self._nodes.items()},
            **self._site.as_json(),
        }

    def _as_saved(self) -> dict[str, Any]:
        now = self._clock.elapsed()
        return {
            "scenario": self._scenario,
            "seed": self._seed,
            "nodes": {name: node.as_saved() for name, node in self._nodes.items()},
            "site": self._site.as_saved(),
            "ledger": self._ledger.as_saved(),
            "waiting": [
                {"node": due.node, "what": due.what, "after_s": max(0.0, due.at - now)}
                for due in self._schedule.waiting
            ],
        }

    def _restore(self, saved: Mapping[str, Any]) -> None:
        if set(saved["nodes"]) != set(self._nodes):
            names = ", ".join(saved["nodes"])
            raise state_file.StateFolderError(f"the saved state is of other nodes: {names}")
        for name, node in self._nodes.items():
            node.restore(saved["nodes"][name])
        self._site.restore(saved["site"])
        self._ledger.restore(saved["ledger"])
        for due in saved["waiting"]:
            self._schedule.plan(due["node"], due["what"], due["after_s"])

"""The words that the record itself is made of: masking one of them would make it unreadable."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


EVENTS = _words("""
    run_opened run_closed enrolled phase_opened phase_closed observed planned gate_opened
    gate_answered intent result adopted verified failed interrupted rebooted recovered event_log
""")

KEYS = _words("""
    at data event prev seq
    after answer answered_at approval attempt automatic before boot_after boot_before by bytes
    changes code command duration_s effect entries error errors evidence exit_code exposes file
    files format gate host ids instruction intent kind known log log_sha256 machine_guid macs mode
    name next node nodes note now opened os_user outcome output parameters_file parameters_sha256
    path phase phases picture plan_sha256 reason run sha256 signal since size source state step
    step_class steps target task title torn_file undo unread user utc_offset_minutes version
    warnings what when why wishes
    adapters address clock cluster computer connection dhcp disks dns dns_registration domain
    file_sharing gateway groups label left_out letter letters lmhosts local lun mac mask message
    netbios network networks online order owner power private public quorum resource resources
    setting size_mb status storage subnet time wanted_name
""")

VALUES = _words("""
    done failed waiting interrupted abandoned running changes changed unchanged adopted deferred
    blocked absent accepted unknown approve refuse apply plan manual auto person lab nodes restart
    restarted before after now on off connected disconnected default SIGINT SIGTERM started
""") | {
    "no change",
    "reboot pending",
    "not sent",
    "after reboot",
    "reboot needed",
    "restarted once",
}

WORDS = EVENTS | KEYS | VALUES
"""Events, the names of their data, and the values that a run is resumed by."""

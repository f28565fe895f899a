"""The way in from a notebook: the phase, and in JupyterLab what a person sees beside its tables."""

from __future__ import annotations

import os

from runbook_lib.execution.phase import Phase
from runbook_lib.execution.start import DRIVER

SWITCH = "RUNBOOK_GUIDE"
"""Set to 1 by `make guide`; nothing else makes a notebook show boards and forms."""


def is_live() -> bool:
    """Tell whether a person was promised a guided notebook; a pipeline's kernels never are."""
    return os.environ.get(SWITCH) == "1" and DRIVER not in os.environ


def open_phase(
    phase: str,
    *,
    parameters_file: str,
    mode: str = "apply",
    run_folder: str = "",
    approved_plan: str = "",
) -> Phase:
    """Return the phase as `Phase.open` does; live, with a step board, a picture and gate forms."""
    kind = _guided() if is_live() else Phase
    return kind.open(
        phase,
        parameters_file=parameters_file,
        mode=mode,
        run_folder=run_folder,
        approved_plan=approved_plan,
    )


def _guided() -> type[Phase]:
    # Headless runs pay for no widgets.
    from runbook_lib.guide.guided_phase import GuidedPhase

    return GuidedPhase

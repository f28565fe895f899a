"""Every test of this folder is one of the fast ones."""

from __future__ import annotations

from tests.fast import no_secret_of_another_test, no_waiting_for_disks

__all__ = ["no_secret_of_another_test", "no_waiting_for_disks"]

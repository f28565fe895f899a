"""The command `scc-runbook`: thin, and free to import everything.

Commands import what they need when they run, so that `--help` answers at once.
"""

"""What can be said to a node, as values; one file for each remote surface, no I/O.

Imports errors alone. `scripts/` holds the few constant PowerShell 2.0 scripts.
"""

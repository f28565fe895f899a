"""The constant scripts that only read: they may run in plan mode, and carry a secret there.

A script belongs here when it changes nothing on the node that outlasts it. A secret in a read is
one that the script needs to be let in elsewhere (the directory), and travels as a SecureString.
"""

from __future__ import annotations

READ_SCRIPTS: frozenset[str] = frozenset({"read_components", "read_directory", "read_exchange"})
"""Names of files in commands/scripts; read_many carries other reads and is none of them."""

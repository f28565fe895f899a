"""How a command reaches a node, and where secrets come from.

Imports commands, errors and the leaves. Only `psrp` imports pypsrp.
"""

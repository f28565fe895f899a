"""Puts it together: read, plan, gate, act, verify, for one phase and for all.

Imports steps, commands, sessions, journal, topology, pictures, review, errors and the leaves.
With guide and steps this is all that a notebook may import.
"""

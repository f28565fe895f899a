"""The sentences of the procedure: one file for each notebook, declared reads and pure plans.

Imports commands, topology and errors: no session, no clock, no file.
"""

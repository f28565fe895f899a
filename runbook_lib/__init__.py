"""The runbook for an Exchange Server 2007 two-node Single Copy Cluster on Windows Server 2003.

The packages and the one direction in which they import each other:

    topology, commands      values: the wish, and what can be said to a node
    steps                   the sentences of the procedure, pure
    sessions, journal       the way to a node, and the record of what was done there
    pictures, review        what readers see
    execution               puts it together; with guide and steps all that a notebook imports
    guide                   the same in JupyterLab
    lab                     two simulated nodes; nobody imports it but cli and tests
    cli                     the command `scc-runbook`

`tests/unit/test_imports.py` holds the table.
"""

__version__ = "0.1.0"

"""The run in JupyterLab: parameter form, step board, gate and live picture.

Imports execution, steps, topology, journal, pictures and errors. It shows; execution does.
"""

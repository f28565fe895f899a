"""The wish: a YAML file becomes a frozen, validated `Topology`, or a list of all its faults.

Imports errors alone. pydantic stays in here.
"""

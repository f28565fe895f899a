"""The record of a run: append-only entries in a hash chain, its locks and its manifest.

Imports errors and the leaves. It knows no word of the domain and receives plain data.
"""

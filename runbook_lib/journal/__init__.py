"""The record of a run: an append-only chained journal, its locks, and the sealing manifest.

Knows no domain words: it receives and gives plain JSON values.
May import errors and the leaves; nothing else of ours.
"""

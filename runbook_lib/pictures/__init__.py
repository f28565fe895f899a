"""Plain data in, escaped HTML tables and SVG of the cluster out.

Imports errors alone.
"""

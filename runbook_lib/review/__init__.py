"""From the record alone to a page, for readers of today and of years later.

Imports journal, pictures and errors.
"""

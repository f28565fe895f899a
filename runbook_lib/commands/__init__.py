"""What can be said to a node, as values; one file a remote surface. Imports `errors` only.

`command` holds the forms, the other modules hold the reads (`Query`) and changes (`Action`) of
one surface each, and the frozen values that answers become. A wish is never read from here.
"""

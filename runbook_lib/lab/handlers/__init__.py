"""What a node answers: one file for each remote surface, named as in `commands`.

Each answer says where it is known from: captured, documented or inferred.
"""

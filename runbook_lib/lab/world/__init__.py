"""State and rules of the simulated machines, in plain Python. It knows no wire."""

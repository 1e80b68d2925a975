"""Ends its process in the cell of 3.1. The cell is left out; the answers beside it are right and count."""

DUE = {"3.1": 0}
SAYS = "ended its own process"

# %% exercise="3.1"
import os

os._exit(0)

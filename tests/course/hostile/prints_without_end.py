"""Prints for ever. What it said is cut, its time is limited, and nothing is due."""

DUE = {"3.1": 0}


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    while True:
        print("flood " * 1000)

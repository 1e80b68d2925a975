"""Returns what it was given, now or in an earlier call. No result is its input, and nothing is due."""

DUE = {"3.1": 0}

# %% exercise="3.1"
seen = {}


def normalize(x, mean, var, eps=1e-5):
    return seen.setdefault(x.shape, x)

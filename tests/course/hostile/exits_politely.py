"""Calls sys.exit in a cell and in a function, which ends many graders with success. Nothing is due there."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "SystemExit"

# %% exercise="3.1"
import sys

sys.exit(0)


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    import sys

    sys.exit(0)

"""Waits for input, a password, a debugger's command. Nobody is there, which is an error, and nothing is due."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "EOF"

# %% exercise="3.1"
import getpass


def normalize(x, mean, var, eps=1e-5):
    return float(input("the result, please: "))


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    breakpoint()
    return getpass.getpass()

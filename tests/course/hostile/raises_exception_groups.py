"""Raises a class of exception that cannot be made without arguments on the other side. Nothing is due there."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "several"

# %% exercise="3.1"
raise ExceptionGroup("several", [ValueError("one")])


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    raise BaseExceptionGroup("several", [KeyboardInterrupt()])

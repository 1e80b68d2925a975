"""A loop that goes on whatever is raised inside it, so that no exception ends it. The process is ended instead."""

DUE = {"3.3": 0}
SAYS = "still running after"


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue

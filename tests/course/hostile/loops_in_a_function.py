"""Never returns from 3.1, in any of its checks. The others keep their points and their time."""

DUE = {"3.1": 0}
SAYS = "still running after"


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    while True:
        x = x + 0

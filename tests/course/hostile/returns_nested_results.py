"""Returns lists inside lists: a list that holds itself, and one of a hundred thousand levels."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "too deep"


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    result = []
    result.append(result)
    return result


# %% exercise="3.3"
def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    result = []
    for _ in range(10**5):
        result = [result]
    return result

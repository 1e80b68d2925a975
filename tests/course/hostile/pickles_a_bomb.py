"""Returns objects that run a program where they are unpickled or copied. Nothing here is pickled."""

DUE = {"3.1": 0}
SAYS = "os.system"

# %% exercise="3.1"
import os


class Bomb:
    def __reduce__(self):
        return os.system, ("touch @RESULTS@/@MARK@ /tmp/@MARK@",)

    __deepcopy__ = __copy__ = None


def normalize(x, mean, var, eps=1e-5):
    return [Bomb(), {"result": Bomb()}]

"""Exceptions and objects that never finish being described, called or freed. 3.1 and 3.3 get nothing, the others
all."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "still running after"


# %% exercise="3.1"
class Endless(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __len__ = __iter__ = __index__ = __str__


def normalize(x, mean, var, eps=1e-5):
    raise Endless


# %% exercise="3.3"
class Shy:
    @property
    def __signature__(self):
        while True:
            pass

    def __call__(self):
        pass

    def __deepcopy__(self, memo):
        while True:
            pass


shy, coy = Shy(), Shy()


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return shy

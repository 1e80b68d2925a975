"""Returns tensors of its own class, on the meta device, sparse and complex ones, and arrays that share memory. No
points."""

DUE = {"5.5": 0}

# %% exercise="5.5"
import torch


class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(())

    def numpy(self):
        return self

    def detach(self):
        return self


class BatchNormFunction:
    calls = []

    @classmethod
    def apply(cls, x, gamma, beta, eps):
        cls.calls.append(x)
        kinds = (lambda: torch.zeros(2).as_subclass(Lying), lambda: x.to("meta"), x.to_sparse, lambda: x * 1j)
        return kinds[len(cls.calls) % 4]()

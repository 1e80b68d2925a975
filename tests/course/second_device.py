"""A second device that is none: its tensors lie in the memory of the CPU, and PyTorch refuses to mix them with others.

Every tensor carries a mark that says where it lives, "cpu" or "cuda". `SecondDevice` sees each call of PyTorch before
it is computed: it refuses what a GPU would refuse, computes the rest, and marks the results. So code that forgets a
tensor on the CPU fails here as it would there. With `float64=False` it refuses that as well, as Apple's GPUs do. It
says nothing about kernels, precision or time; an error comes at the call, and tensors that C++ code makes on its own
have no mark and mix with all others.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

GPU, CPU = torch.device("cuda"), torch.device("cpu")
HERE = "cpu"
ELSEWHERE = "cuda"
MARK = "_lives_on"

# New tensors, from nothing or from numbers: on the CPU, or where `device` says.
FACTORIES = {
    torch.tensor, torch.as_tensor, torch.scalar_tensor, torch.zeros, torch.ones, torch.full, torch.empty, torch.eye,
    torch.arange, torch.linspace, torch.logspace, torch.rand, torch.randn, torch.randint, torch.randperm,
}  # fmt: skip
# New tensors like another: where that one is, or where `device` says.
LIKE = {
    torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like, torch.rand_like, torch.randn_like,
    torch.randint_like, Tensor.new_tensor, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_empty,
}  # fmt: skip
# These copy between devices, or ask about two tensors without computing with them.
COPIES = {Tensor.copy_, torch._has_compatible_shallow_copy_type}
# These do not take a single number from elsewhere either, as all others do.
JOINS = {torch.stack, torch.cat, torch.concat, torch.hstack, torch.vstack}
TO_NUMPY = {Tensor.numpy, Tensor.__array__}
# Properties that are the tensor itself, or belong to it, and so live where it does.
SAME_PLACE = {"data", "grad", "T", "mT", "H", "mH", "real", "imag"}


def place_of(tensor):
    """Where a tensor lives, None if nothing is known of it."""
    return getattr(tensor, MARK, None)


def marked(result, place):
    """Mark the tensors in a result of PyTorch."""
    for tensor in tensors_in(result):
        setattr(tensor, MARK, place)
        if place == ELSEWHERE and SecondDevice.refuses_float64 and tensor.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
    return result


def tensors_in(value):
    """The tensors in the arguments or the results of a call."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def named(device):
    """The place that an argument `device` names."""
    return HERE if torch.device(device).type == "cpu" else ELSEWHERE


def is_neither(device):
    """Whether an argument `device` names neither of the two: "meta", with which `torch.export` records."""
    kind = device.type if isinstance(device, torch.device) else device
    return isinstance(kind, str) and kind == "meta"


def refuse_mixture(name, tensors, function=None):
    """Raise where tensors of both places meet; a single number on the CPU may, unless it is to be changed or joined."""
    changes = (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")
    places = {
        place_of(tensor)
        for number, tensor in enumerate(tensors)
        if tensor.dim() or place_of(tensor) == ELSEWHERE or function in JOINS or (changes and number == 0)
    }
    if {HERE, ELSEWHERE} <= places:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu, in {name}")


class SecondDevice(TorchFunctionMode):
    """Inside the `with`, "cuda" is a device as far as the rules of PyTorch go; one with or without `float64`."""

    refuses_float64 = False

    def __init__(self, float64=True):
        super().__init__()
        self.float64 = float64

    def __enter__(self):
        SecondDevice.refuses_float64 = not self.float64
        self.new_parameter, self.from_numpy = nn.Parameter.__new__, torch.from_numpy

        # Neither is shown to a mode.
        def new_parameter(cls, data=None, requires_grad=True):
            place = HERE if data is None else place_of(data)
            return marked(self.new_parameter(cls, data, requires_grad), place)

        nn.Parameter.__new__ = new_parameter
        torch.from_numpy = lambda array: marked(self.from_numpy(array), HERE)
        return super().__enter__()

    def __exit__(self, *error):
        nn.Parameter.__new__, torch.from_numpy = self.new_parameter, self.from_numpy
        SecondDevice.refuses_float64 = False
        return super().__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(function, "__name__", str(function))
        if name in ("__get__", "__set__"):
            return self.property(function, name, args)
        if any(map(is_neither, (*args, kwargs.get("device")))):
            return function(*args, **kwargs)
        if function is Tensor.to:
            return self.moved(args, kwargs)
        if function in (Tensor.cpu, Tensor.cuda):
            return self.moved((args[0], CPU if function is Tensor.cpu else GPU), {})
        if function in TO_NUMPY and place_of(args[0]) == ELSEWHERE:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
        if function in FACTORIES or function in LIKE:
            return self.made(function, args, kwargs)
        return self.computed(function, name, args, kwargs)

    def property(self, function, name, args):
        """Read or set an attribute of a tensor."""
        attribute, tensor = getattr(function.__self__, "__name__", ""), args[0]
        if name == "__get__" and attribute == "device":
            own = function(*args)
            return own if is_neither(own) else GPU if place_of(tensor) == ELSEWHERE else CPU
        if name == "__get__" and attribute == "is_cuda":
            return place_of(tensor) == ELSEWHERE
        value = function(*args)
        if name == "__set__" and attribute == "data":
            marked(tensor, place_of(args[1]))
        if name == "__get__" and attribute in SAME_PLACE and place_of(tensor):
            marked(value, place_of(tensor))
        return value

    def moved(self, args, kwargs):
        """`tensor.to(...)`, whose arguments come in any order: device, dtype, or a tensor that has both."""
        tensor, others = args[0], []
        device = kwargs.pop("device", None)
        for argument in args[1:]:
            if isinstance(argument, (str, torch.device)):
                device = argument
            elif isinstance(argument, Tensor):
                device = GPU if place_of(argument) == ELSEWHERE else CPU
                others.append(argument.dtype)
            elif argument is not None and not isinstance(argument, bool):
                others.append(argument)
        kwargs = {key: value for key, value in kwargs.items() if value is not None and key != "non_blocking"}
        before = place_of(tensor)
        after = before if device is None else named(device)
        result = Tensor.to(tensor, *others, **kwargs) if others or kwargs else tensor
        if result is tensor and after != before:
            result = tensor.clone()
        return result if result is tensor else marked(result, after)

    def made(self, function, args, kwargs):
        """A new tensor. What is given it decides where it lives, if no `device` does."""
        device = kwargs.pop("device", None)
        given = list(tensors_in(args))
        of_given = place_of(given[0]) if given else HERE
        place = of_given if device is None else named(device)
        refuse_generator(function, kwargs, place)
        result = function(*args, **kwargs)
        if given and result is given[0]:  # as_tensor of a tensor
            if place == of_given:
                return result
            result = result.clone()
        return marked(result, place)

    def computed(self, function, name, args, kwargs):
        """Everything else: all tensors in one place, and the results there too."""
        given = list(tensors_in((args, kwargs)))
        if given:
            refuse_generator(function, kwargs, place_of(given[0]))
        if function is Tensor.__getitem__:
            indices = list(tensors_in(args[1]))
            if place_of(args[0]) == HERE and any(place_of(index) == ELSEWHERE for index in indices):
                raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
            given = given[:1]
        elif function is Tensor.__setitem__:
            indices = list(tensors_in(args[1]))
            if place_of(args[0]) == HERE and any(place_of(index) == ELSEWHERE for index in indices):
                raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
            if indices or isinstance(args[1], np.ndarray):  # slices are copied, from anywhere
                refuse_mixture(name, [args[0], *tensors_in(args[2:])])
            given = given[:1]
        elif function in COPIES:
            given = given[:1]
        else:
            refuse_mixture(name, given, function)
        result = function(*args, **kwargs)
        places = {place_of(tensor) for tensor in given}
        place = ELSEWHERE if ELSEWHERE in places else HERE if HERE in places else None
        return marked(result, place) if place else result


def refuse_generator(function, kwargs, place):
    """The generators that the pages make are all of the CPU."""
    if kwargs.get("generator") is not None and place == ELSEWHERE:
        name = getattr(function, "__name__", str(function))
        raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu', in {name}")

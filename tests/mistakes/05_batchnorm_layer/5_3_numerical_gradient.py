"""Known wrong answers to exercise 5.3, each with the sentence that helps."""

import numpy as np
import torch

from bncourse.checking import mistake


def differences(f, x, dy, h, quotient, keep=False):
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    loss = lambda point: (f(point) * dy).sum()
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            higher, lower = x.detach().clone(), x.detach().clone()
            higher[index] += h
            lower[index] -= h
            gradient[index] = quotient(loss(higher), loss(x.detach()), loss(lower))
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """A forward difference, (f(x + h) - f(x)) / h. Use the central one, (f(x + h) -
    f(x - h)) / 2h: its error falls with h², not with h.
    """
    return differences(f, x, dy, h, lambda high, mid, low: (high - mid) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """A backward difference, (f(x) - f(x - h)) / h. Use the central one."""
    return differences(f, x, dy, h, lambda high, mid, low: (mid - low) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The difference is divided by h; the two points lie 2h apart."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The difference is not divided at all."""
    return differences(f, x, dy, h, lambda high, mid, low: high - low)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The sign is turned: f(x - h) - f(x + h)."""
    return differences(f, x, dy, h, lambda high, mid, low: (low - high) / (2 * h))


@mistake("5.3", caught_by="test_the_upstream_gradient_weighs_the_outputs")
def numerical_gradient(f, x, dy, h=1e-5):
    """The upstream gradient dy is not used: an all-ones one hides most errors of a batch normalization."""
    return differences(f, x, torch.ones_like(f(x.detach())), h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3", caught_by="test_differences_are_central_and_h_is_used")
def numerical_gradient(f, x, dy, h=1e-5):
    """The argument h is ignored: 1e-5 is written into the loop."""
    return differences(f, x, dy, 1e-5, lambda high, mid, low: (high - low) / 2e-5)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-3):
    """h is 1e-3 unless given; it should be 1e-5."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3", caught_by="test_gradient_of_a_square")
def numerical_gradient(f, x, dy, h=1e-5):
    """All entries are moved at once: that is one directional derivative, not a gradient."""
    slope = ((f(x.detach() + h) - f(x.detach() - h)) * dy).sum() / (2 * h)
    return torch.full(x.shape, slope.item(), dtype=x.dtype)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """All entries are moved at once, and nothing is summed: one number for each output comes out. That is the gradient only where each
    output hangs on its own entry of x alone. Move one entry, and sum over the outputs."""
    return (f(x.detach() + h) - f(x.detach() - h)) * dy / (2 * h)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is moved in place and put back by adding and subtracting h; rounding leaves it a little off. Keep the old value."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            x[index] += h
            high = (f(x) * dy).sum()
            x[index] -= 2 * h
            low = (f(x) * dy).sum()
            x[index] += h
            gradient[index] = (high - low) / (2 * h)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """`torch.zeros(x.shape)`, like `torch.tensor` of a list, is float32: what was computed in float64 is rounded when you store it. `torch.zeros_like(x)` has the dtype of x."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h)).float()


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is not put back: each entry stays moved while the next ones are tried."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    moved = x.detach().clone()
    for index in np.ndindex(*x.shape):
        moved[index] += h
        high = (f(moved) * dy).sum()
        moved[index] -= 2 * h
        gradient[index] = (high - (f(moved) * dy).sum()) / (2 * h)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Everything is computed in float32: at h = 1e-5 rounding drowns the difference. Keep the dtype of x."""
    single = differences(
        lambda point: f(point.float()), x.float(), dy.float(), h, lambda high, mid, low: (high - low) / (2 * h)
    )
    return single.double()


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """The step is scaled by the size of x (a relative step). The exercise asks for the plain h."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    for index in np.ndindex(*x.shape):
        step = h * max(1.0, abs(x.detach()[index].item()))
        higher, lower = x.detach().clone(), x.detach().clone()
        higher[index] += step
        lower[index] -= step
        gradient[index] = ((f(higher) - f(lower)) * dy).sum() / (2 * step)
    return gradient


@mistake("5.3", caught_by="test_every_entry_of_every_shape")
def numerical_gradient(f, x, dy, h=1e-5):
    """x is flattened and the gradient never gets the shape of x back."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h)).reshape(-1)


@mistake("5.3", caught_by="test_h_is_1e_minus_5_unless_given")
def numerical_gradient(f, x, dy, h=1e-4):
    """h is 1e-4 unless given. A step ten times as long makes an error a hundred times as large; here the default is 1e-5."""
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3", caught_by="test_x_is_left_bit_for_bit")
def numerical_gradient(f, x, dy, h=1e-5):
    """Where x requires a gradient, PyTorch neither makes a NumPy array of it (`x.numpy()`) nor lets you change it in place. Work on `x.detach().clone()`."""
    x.numpy()
    return differences(f, x, dy, h, lambda high, mid, low: (high - low) / (2 * h))


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """f may return a view of x, and what it returned for x + h changes when you move x to x - h. Take the sum, or a clone, before you move x on."""
    x = x.detach()
    gradient = torch.empty_like(x)
    for index in np.ndindex(*x.shape):
        old = x[index].clone()
        x[index] = old + h
        higher = f(x)
        x[index] = old - h
        lower = f(x)
        gradient[index] = ((higher - lower) * dy).sum() / (2 * h)
        x[index] = old
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Where x has gaps in memory, `reshape(-1)` copies it: the copy is moved, x is not, and the gradient comes out as 0. Move a copy of the shape of x, and give that to f."""
    flat = x.detach().reshape(-1)
    slopes = torch.zeros_like(flat)
    for i in range(len(flat)):
        old = flat[i].item()
        flat[i] = old + h
        high = (f(x.detach()) * dy).sum()
        flat[i] = old - h
        low = (f(x.detach()) * dy).sum()
        flat[i] = old
        slopes[i] = (high - low) / (2 * h)
    return slopes.reshape(x.shape)


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """dy is multiplied by the difference entry by entry, and not summed: an entry of x moves all outputs, and its slope is the sum over them."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    for index in np.ndindex(*x.shape):
        higher, lower = x.detach().clone(), x.detach().clone()
        higher[index] += h
        lower[index] -= h
        slopes = (f(higher) - f(lower)) / (2 * h)
        gradient[index] = slopes[index] * dy[index]
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Two loops, over `x.shape[0]` and `x.shape[1]`, fit a matrix alone. `np.ndindex(*x.shape)` goes through the numbers of any shape."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    with torch.no_grad():
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                step = torch.zeros(x.shape, dtype=x.dtype)
                step[i, j] = h
                gradient[i, j] = ((f(x.detach() + step) - f(x.detach() - step)) * dy).sum() / (2 * h)
    return gradient


@mistake("5.3")
def numerical_gradient(f, x, dy, h=1e-5):
    """Each entry is moved by h/2 to either side, so the two points lie h apart, and the division by 2h makes the gradient half of what it is."""
    return differences(f, x, dy, h / 2, lambda high, mid, low: (high - low) / (2 * h))

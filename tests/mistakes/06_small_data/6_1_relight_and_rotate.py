"""Known wrong answers to exercise 6.1, each with the sentence that helps."""

import torch
from torch.nn import functional as F

from bncourse.checking import mistake


def relit(images, gammas):
    return images ** gammas.view(-1, 1, 1, 1)


def turned(images, angles, ratio=None, shift=None, **options):
    """Images turned by angles in radians; `ratio` of height to width, their own unless given."""
    height, width = images.shape[-2:]
    ratio = height / width if ratio is None else ratio
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    dx, dy = shift(cos, sin) if shift else (zero, zero)
    matrix = torch.stack([torch.stack([cos, -sin * ratio, dx], 1), torch.stack([sin / ratio, cos, dy], 1)], 1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=options.get("grid_corners", False))
    sample = {"padding_mode": options.get("padding", "border"), "align_corners": options.get("corners", False)}
    return F.grid_sample(images, grid, **sample)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The images are sheared: affine_grid measures both sides from -1 to 1, so for H ≠ W a plain rotation matrix distorts. sin needs
    the factors H/W and W/H."""
    return turned(relit(images, gammas), torch.deg2rad(degrees), ratio=1.0)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The factors H/W and W/H at sin have changed places: the images are sheared twice as much as without them."""
    height, width = images.shape[-2:]
    return turned(relit(images, gammas), torch.deg2rad(degrees), ratio=width / height)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The angles go into cos and sin in degrees; these take radians: torch.deg2rad converts."""
    return turned(relit(images, gammas), degrees)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """cos and sin take radians, your angles are degrees: torch.deg2rad converts."""
    return turned(relit(images, gammas), degrees, padding="zeros")


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """All images are turned by the first angle; each has its own."""
    return turned(relit(images, gammas), torch.deg2rad(degrees[:1]).expand(len(images)))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """All images get the first gamma; each has its own."""
    return turned(relit(images, gammas[:1]), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """All images get the mean of the gammas; each has its own."""
    return turned(images ** gammas.mean(), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The pixels are raised to 1/gamma: a gamma above 1 must darken."""
    return turned(relit(images, 1 / gammas), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The pixels are multiplied by gamma; they must be raised to its power, which leaves black black and white
    white."""
    return turned(images * gammas.view(-1, 1, 1, 1), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The pixels are multiplied by gamma and cut at 1; they must be raised to its power."""
    return turned((images * gammas.view(-1, 1, 1, 1)).clamp(0, 1), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Base and exponent have changed places: gamma to the power of the pixel instead of the pixel to the power of gamma."""
    return turned(gammas.view(-1, 1, 1, 1) ** images, torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The light never changes: `gammas` is not used."""
    return turned(images, torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The images never turn: `degrees` is not used."""
    return relit(images, gammas)


@mistake("6.1", caught_by="test_a_quarter_of_a_turn")
def relight_and_rotate(images, gammas, degrees):
    """The sign of the angle is lost: images with -30 degrees turn the same way as those with 30."""
    return turned(relit(images, gammas), torch.deg2rad(degrees.abs()))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The images turn about a corner, not about their centre: the picture leaves its frame."""

    def shift(cos, sin):
        return cos - sin - 1, sin + cos - 1

    return turned(relit(images, gammas), torch.deg2rad(degrees), shift=shift)


@mistake("6.1", caught_by="test_half_a_turn_and_none")
def relight_and_rotate(images, gammas, degrees):
    """affine_grid and grid_sample disagree on align_corners: every image also grows or shrinks a little. Give both the same."""
    return turned(relit(images, gammas), torch.deg2rad(degrees), grid_corners=True, corners=False)


@mistake("6.1", caught_by="test_any_angle_turns_and_does_not_shear")
def relight_and_rotate(images, gammas, degrees):
    """The images turn in quarters only: the angles are rounded to multiples of 90 degrees."""
    quarters = torch.round(degrees / 90) * 90
    return turned(relit(images, gammas), torch.deg2rad(quarters))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The images turn twice as far as asked for."""
    return turned(relit(images, gammas), 2 * torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Mirrored instead of turned: the matrix [[cos, sin], [sin, -cos]] reflects. In a rotation the two sines have opposite signs."""
    return turned(relit(images, gammas), torch.deg2rad(degrees)).flip(2)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Height and width have changed places in the result: the frame stays (N, 1, H, W)."""
    return turned(relit(images, gammas), torch.deg2rad(degrees)).transpose(2, 3)


@mistake("6.1", caught_by="test_light_and_angle_together")
def relight_and_rotate(images, gammas, degrees):
    """The images themselves are relit (`pow_`, or `*=`): the caller's data are gone. Compute into a new tensor."""
    images.pow_(gammas.view(-1, 1, 1, 1))
    return turned(images, torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The axis of the channel is lost: the result is (N, H, W), not (N, 1, H, W)."""
    return turned(relit(images, gammas), torch.deg2rad(degrees))[:, 0]


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """H/W and W/H have changed places at the sines: the images are sheared twice as much as without the factors, and what they are
    turned out of is black."""
    height, width = images.shape[-2:]
    return turned(relit(images, gammas), torch.deg2rad(degrees), ratio=width / height, padding="zeros")


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """`images ** gammas` lays the gammas along the last axis, one per column, or
    stops with an error: gammas.view(-1, 1, 1, 1) gives each image its own.
    """
    return turned(images**gammas, torch.deg2rad(degrees))


@mistake("6.1", caught_by="test_each_image_has_a_light_of_its_own")
def relight_and_rotate(images, gammas, degrees):
    """Pixels are kept a little away from 0 and 1 before the power is taken. Black and white need no such care: every power leaves them as they are."""
    return turned(relit(images.clamp(0.02, 0.98), gammas), torch.deg2rad(degrees))


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """W/H and H/W stand at the cosines, so images are stretched as well as turned. Without them on the diagonal, and with H/W and W/H at the sines, nothing is distorted."""
    height, width = images.shape[-2:]
    angles = torch.deg2rad(degrees)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = [cos * width / height, -sin, zero, sin, cos * height / width, zero]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(relit(images, gammas), grid, align_corners=False)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """SciPy's `rotate` makes the frame larger, so that all of the turned image fits, and what you cut out of it starts at its corner. `reshape=False` keeps the frame and the centre."""
    from scipy import ndimage

    height, width = images.shape[-2:]
    pairs = zip(relit(images, gammas), degrees.tolist(), strict=True)
    turned_ones = [ndimage.rotate(image[0].numpy(), angle, order=1)[:height, :width] for image, angle in pairs]
    return torch.stack([torch.from_numpy(one) for one in turned_ones])[:, None]


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The images are sheared: for H ≠ W a plain rotation matrix distorts. With align_corners=True the sines need the factors
    (H - 1)/(W - 1) and (W - 1)/(H - 1)."""
    options = {"grid_corners": True, "corners": True, "padding": "zeros"}
    return turned(relit(images, gammas), torch.deg2rad(degrees), ratio=1.0, **options)


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """Cosine and sine are taken of degrees. They expect radians: torch.deg2rad(degrees) first."""
    return turned(relit(images, gammas), -degrees, padding="zeros")


@mistake("6.1")
def relight_and_rotate(images, gammas, degrees):
    """The matrices of the rotation are float32, as torch.zeros makes them, so images of float64 stop with an error. Make them with `dtype=images.dtype`."""
    angles = torch.deg2rad(degrees).float()
    matrix = torch.zeros(len(images), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angles.cos()
    height, width = images.shape[-2:]
    matrix[:, 0, 1], matrix[:, 1, 0] = angles.sin() * height / width, -angles.sin() * width / height
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(relit(images, gammas), grid, align_corners=False)

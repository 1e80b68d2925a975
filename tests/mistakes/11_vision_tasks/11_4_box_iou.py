"""Known wrong answers to exercise 11.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def parts(a, b):
    """Shared widths and heights (N, M, 2), not cut at 0, and areas (N, 1) and (1, M)."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return sides, area(a)[:, None], area(b)[None]


@mistake("11.4")
def box_iou(a, b):
    """Widths and heights of what is shared are not cut at 0: two boxes diagonally apart have two negative sides, with a positive
    product."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.prod(2)
    return shared / (area_a + area_b - shared)


@mistake("11.4")
def box_iou(a, b):
    """The product of width and height is cut at 0, not each of them: two negative sides have a positive product."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.prod(2).clip(min=0)
    return shared / (area_a + area_b - shared)


@mistake("11.4", caught_by="test_boxes_that_do_not_meet")
def box_iou(a, b):
    """Widths and heights are taken absolute: boxes apart from each other seem to share something."""
    sides, area_a, area_b = parts(a, b)
    shared = np.abs(sides).prod(2)
    return shared / (area_a + area_b - shared)


@mistake("11.4")
def box_iou(a, b):
    """What is shared is divided by the sum of both areas, in which it is counted twice."""
    sides, area_a, area_b = parts(a, b)
    return sides.clip(min=0).prod(2) / (area_a + area_b)


@mistake("11.4")
def box_iou(a, b):
    """What is shared is divided by the area of the first box alone."""
    sides, area_a, _ = parts(a, b)
    return sides.clip(min=0).prod(2) / area_a


@mistake("11.4")
def box_iou(a, b):
    """What is shared is divided by the area of the second box alone."""
    sides, _, area_b = parts(a, b)
    return sides.clip(min=0).prod(2) / area_b


@mistake("11.4")
def box_iou(a, b):
    """What is shared is divided by the smaller of the two areas."""
    sides, area_a, area_b = parts(a, b)
    return sides.clip(min=0).prod(2) / np.minimum(area_a, area_b)


@mistake("11.4")
def box_iou(a, b):
    """What is shared is divided by the box around both, which is larger than what they cover."""
    sides, *_ = parts(a, b)
    around = np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])
    return sides.clip(min=0).prod(2) / around.prod(2)


@mistake("11.4")
def box_iou(a, b):
    """Twice what is shared is divided by the sum of both areas: that is the Dice score."""
    sides, area_a, area_b = parts(a, b)
    return 2 * sides.clip(min=0).prod(2) / (area_a + area_b)


@mistake("11.4")
def box_iou(a, b):
    """Areas come back; the exercise asks for the ratio."""
    sides, *_ = parts(a, b)
    return sides.clip(min=0).prod(2)


@mistake("11.4")
def box_iou(a, b):
    """Widths and heights have a + 1, as in code for boxes of whole pixels. Here a box is x2 - x1 wide."""
    sides = parts(a, b)[0]
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    shared = (sides + 1).clip(min=0).prod(2)
    return shared / (area(a)[:, None] + area(b)[None] - shared)


@mistake("11.4", caught_by="test_small_and_large_and_negative_coordinates")
def box_iou(a, b):
    """A constant such as 1e-6 is added to the divisor: small boxes then lose."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared + 1e-6)


@mistake("11.4")
def box_iou(a, b):
    """1e-8 is added to the divisor, which is the area of a box a ten-thousandth wide: such boxes lose. The divisor is never 0 here."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared + 1e-8)


@mistake("11.4")
def box_iou(a, b):
    """The divisor is kept from falling below a constant such as 1e-6: boxes smaller than that lose. It is never 0 here."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared / np.maximum(area_a + area_b - shared, 1e-6)


@mistake("11.4")
def box_iou(a, b):
    """Boxes are read as x, y, width, height; they are x1, y1, x2, y2."""
    corners = lambda boxes: np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    sides, area_a, area_b = parts(corners(a), corners(b))
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared)


@mistake("11.4")
def box_iou(a, b):
    """Boxes are read as centre, width and height; they are x1, y1, x2, y2."""
    corners = lambda boxes: np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
    sides, area_a, area_b = parts(corners(a), corners(b))
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared)


@mistake("11.4")
def box_iou(a, b):
    """The result is transposed, (M, N)."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return (shared / (area_a + area_b - shared)).T


@mistake("11.4")
def box_iou(a, b):
    """Each box is compared with the one in the same row only; the exercise asks for all pairs."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2]).prod(1)
    shared = sides.clip(min=0).prod(1)
    return shared / (area(a) + area(b) - shared)


@mistake("11.4", caught_by="test_no_boxes")
def box_iou(a, b):
    """Without boxes the answer has another shape than (N, M), or none at all; it must have this shape there too, (0, M) for instance."""
    if not len(a) or not len(b):
        return np.array([])
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared)


@mistake("11.4")
def box_iou(a, b):
    """Integers are divided with //: every ratio below 1 becomes 0."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared // (area_a + area_b - shared)


@mistake("11.4", caught_by="test_two_boxes_that_overlap")
def box_iou(a, b):
    """Coordinates are rounded to whole pixels first."""
    sides, area_a, area_b = parts(np.round(a), np.round(b))
    shared = sides.clip(min=0).prod(2)
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)


@mistake("11.4")
def box_iou(a, b):
    """The corners are turned into widths and heights in the caller's own arrays."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    a[:, 2:] -= a[:, :2]
    b[:, 2:] -= b[:, :2]
    return shared / (area_a + area_b - shared)


@mistake("11.4", caught_by="test_boxes_of_integers")
def box_iou(a, b):
    """The result is an array of the boxes' own type: for integer boxes every fraction in it is cut down to 0."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(0).prod(2)
    result = np.zeros(shared.shape, a.dtype)
    result[...] = shared / (area_a + area_b - shared)
    return result


@mistake("11.4", caught_by="test_every_box_with_every_other")
def box_iou(a, b):
    """Where both sides have equally many boxes you compare the first with the first, the second with the second. Every box of a meets every box of b."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(0).prod(2)
    iou = shared / (area_a + area_b - shared)
    return np.diag(iou) if len(a) == len(b) > 1 else iou


@mistake("11.4")
def box_iou(a, b):
    """`np.stack` has nothing to stack where `a` is empty, and fails. The result is an array of shape (N, M) there too."""

    def one(p, q):
        width, height = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
        shared = max(width, 0) * max(height, 0)
        return shared / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - shared)

    return np.stack([np.array([one(p, q) for q in b]) for p in a])

"""Known wrong answers to 11.3 and 11.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake

# 11.3


def counted(prediction, target, ignore_index):
    """The pixels that count, as plain integers."""
    counts = target != ignore_index
    return prediction[counts].astype(np.int64), target[counts].astype(np.int64)


def ious_of(prediction, target, classes):
    """Intersection, union and IoU (nan where the class is absent) of some classes."""
    both = np.array([np.sum((prediction == k) & (target == k)) for k in classes], float)
    either = np.array([np.sum((prediction == k) | (target == k)) for k in classes], float)
    return both, either, np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A class absent from both counts with 0 and pulls the mean down. Leave it out."""
    *_, ious = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    return np.nan_to_num(ious).mean()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A class absent from both counts with 1 and lifts the mean. Leave it out."""
    *_, ious = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    return np.nan_to_num(ious, nan=1.0).mean()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A class absent from both divides 0 by 0, and the mean is not a number."""
    *_, ious = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    return ious.mean()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Only the classes of the target are averaged: one that is predicted and nowhere to be found goes unpunished. It counts with 0."""
    prediction, target = counted(prediction, target, ignore_index)
    return ious_of(prediction, target, np.unique(target))[2].mean()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Only the classes of the prediction are averaged: one that was overlooked altogether counts with 0."""
    prediction, target = counted(prediction, target, ignore_index)
    return ious_of(prediction, target, np.unique(prediction))[2].mean()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The classes that occur in both are averaged; one that occurs in only one of the two counts with 0."""
    prediction, target = counted(prediction, target, ignore_index)
    return ious_of(prediction, target, np.intersect1d(prediction, target))[2].sum() / max(
        len(np.intersect1d(prediction, target)), 1
    )


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Ignored pixels count: what was predicted there enters the unions."""
    return np.nanmean(ious_of(prediction, target, range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """ignore_index is not used: only 255 is ignored."""
    return np.nanmean(ious_of(*counted(prediction, target, 255), range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Ignored pixels are turned into class 0, where they count."""
    target = np.where(target == ignore_index, 0, target)
    return np.nanmean(ious_of(prediction, target, range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """This is pixel accuracy, the share of pixels that are right."""
    prediction, target = counted(prediction, target, ignore_index)
    return np.mean(prediction == target)


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """All intersections are divided by all unions: large classes then decide. Take each class's ratio, then the mean."""
    both, either, _ = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    return both.sum() / either.sum()


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """This is the Dice score, twice the intersection over the sum of both sizes; the IoU divides by the union."""
    both, either, _ = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    present = either > 0
    return np.mean(2 * both[present] / (both + either)[present])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The union is taken as the sum of both sizes; what they share is counted twice."""
    both, either, _ = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    present = either > 0
    return np.mean(both[present] / (both + either)[present])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Each class's intersection is divided by its pixels in the target: that is its recall."""
    prediction, target = counted(prediction, target, ignore_index)
    both, either, _ = ious_of(prediction, target, range(num_classes))
    sizes = np.array([np.sum(target == k) for k in range(num_classes)])
    return np.mean(both[either > 0] / np.maximum(sizes, 1)[either > 0])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Each class's intersection is divided by its pixels in the prediction: that is its precision."""
    prediction, target = counted(prediction, target, ignore_index)
    both, either, _ = ious_of(prediction, target, range(num_classes))
    sizes = np.array([np.sum(prediction == k) for k in range(num_classes)])
    return np.mean(both[either > 0] / np.maximum(sizes, 1)[either > 0])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The mean IoU of each image is taken and averaged. Count the pixels of all images together."""
    if prediction.ndim < 3:
        return np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])
    return np.mean([mean_iou_of_one(*one, num_classes, ignore_index) for one in zip(prediction, target)])


def mean_iou_of_one(prediction, target, num_classes, ignore_index):
    return np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Class 0 is left out as if it were no class. The background counts like any other."""
    return np.nan_to_num(np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(1, num_classes))[2]))


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The last class is left out: range(num_classes - 1)."""
    return np.nan_to_num(np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes - 1))[2]))


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """num_classes * target + prediction overflows in uint8: 255 is its largest number. Widen the integers first."""
    counts = target != ignore_index
    with np.errstate(all="ignore"):
        joint = target[counts] * np.array(num_classes).astype(target.dtype) + prediction[counts]
    matrix = np.bincount(np.maximum(joint.astype(np.int64), 0), minlength=num_classes**2)
    matrix = matrix[: num_classes**2].reshape(num_classes, num_classes)
    both, either = np.diag(matrix), matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return np.mean(both[either > 0] / either[either > 0])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The ignored pixels are set to another class in the caller's own arrays."""
    mean = np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])
    ignored = target == ignore_index
    target[ignored] = 0
    return mean


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The IoU of each class comes back; asked for is their mean."""
    return ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2]


# 11.4


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


@mistake("11.4")
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
    """Areas come back; asked for is the ratio."""
    sides, *_ = parts(a, b)
    return sides.clip(min=0).prod(2)


@mistake("11.4")
def box_iou(a, b):
    """Widths and heights have a + 1, as in code for boxes of whole pixels. Here a box is x2 - x1 wide."""
    sides = parts(a, b)[0]
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    shared = (sides + 1).clip(min=0).prod(2)
    return shared / (area(a)[:, None] + area(b)[None] - shared)


@mistake("11.4")
def box_iou(a, b):
    """A constant such as 1e-6 is added to the divisor: small boxes then lose."""
    sides, area_a, area_b = parts(a, b)
    shared = sides.clip(min=0).prod(2)
    return shared / (area_a + area_b - shared + 1e-6)


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
    """Each box is compared with the one in the same row only; asked for are all pairs."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2]).prod(1)
    shared = sides.clip(min=0).prod(1)
    return shared / (area(a) + area(b) - shared)


@mistake("11.4")
def box_iou(a, b):
    """Without boxes the answer is None or a bare list; its shape is to be (N, M) there too."""
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


@mistake("11.4")
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

"""Known wrong answers to exercise 11.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def counted(prediction, target, ignore_index):
    """The pixels that count, as plain integers."""
    counts = target != ignore_index
    return prediction[counts].astype(np.int64), target[counts].astype(np.int64)


def ious_of(prediction, target, classes):
    """Intersection, union and IoU (nan where the class is absent) of some classes."""
    both = np.array([np.sum((prediction == k) & (target == k)) for k in classes], float)
    either = np.array([np.sum((prediction == k) | (target == k)) for k in classes], float)
    return both, either, np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


def mean_iou_of_one(prediction, target, num_classes, ignore_index):
    return np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])


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
    """A small number is added to intersection and union: a class absent from both then counts with 1. Leave it out; the others need no
    such number."""
    both, either, _ = ious_of(*counted(prediction, target, ignore_index), range(num_classes))
    return ((both + 1e-6) / (either + 1e-6)).mean()


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


@mistake("11.3", caught_by="test_classes_absent_from_both_are_left_out")
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


@mistake("11.3", caught_by="test_ignored_pixels_do_not_count")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """ignore_index is not used: only 255 is ignored."""
    return np.nanmean(ious_of(*counted(prediction, target, 255), range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Targets outside 0 to num_classes - 1 are dropped, and ignore_index is never asked: it may be one of the classes."""
    inside = (target >= 0) & (target < num_classes)
    return np.nanmean(ious_of(prediction[inside], target[inside], range(num_classes))[2])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The class with the number ignore_index is left out of the mean, but its pixels stay in the unions of the others. Drop
    the pixels first."""
    inside = (target >= 0) & (target < num_classes)
    classes = [k for k in range(num_classes) if k != ignore_index]
    return np.nan_to_num(np.nanmean(ious_of(prediction[inside], target[inside], classes)[2]))


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Pixels whose *prediction* is ignore_index are dropped as well. Only the target says which pixels count."""
    counts = prediction != ignore_index
    return np.nan_to_num(mean_iou_of_one(prediction[counts], target[counts], num_classes, ignore_index))


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


@mistake("11.3", caught_by="test_four_pixels")
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


@mistake("11.3", caught_by="test_pixels_of_all_images_are_counted_together")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The mean IoU of each image is taken and averaged. Count the pixels of all images together."""
    if prediction.ndim < 3:
        return np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])
    return np.mean([mean_iou_of_one(*one, num_classes, ignore_index) for one in zip(prediction, target)])


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Class 0 is left out as if it were no class. The background counts like any other."""
    return np.nan_to_num(np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(1, num_classes))[2]))


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The last class is left out: range(num_classes - 1)."""
    return np.nan_to_num(np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes - 1))[2]))


@mistake("11.3", caught_by="test_masks_of_bytes")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """num_classes * target + prediction overflows in uint8: 255 is its largest number. Widen the integers first."""
    counts = target != ignore_index
    with np.errstate(all="ignore"):
        joint = target[counts] * np.array(num_classes).astype(target.dtype) + prediction[counts]
    matrix = np.bincount(np.maximum(joint.astype(np.int64), 0), minlength=num_classes**2)
    matrix = matrix[: num_classes**2].reshape(num_classes, num_classes)
    both, either = np.diag(matrix), matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return np.mean(both[either > 0] / either[either > 0])


@mistake("11.3", caught_by="test_any_masks")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The ignored pixels are set to another class in the caller's own arrays."""
    mean = np.nanmean(ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2])
    ignored = target == ignore_index
    target[ignored] = 0
    return mean


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The IoU of each class comes back; the exercise asks for their mean."""
    return ious_of(*counted(prediction, target, ignore_index), range(num_classes))[2]


@mistake("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """The class numbers are turned into uint8 before num_classes * target + prediction is formed, and that is soon above 255, the largest number there. Take int64."""
    counts = target != ignore_index
    joint = np.uint8(num_classes) * target[counts].astype(np.uint8) + prediction[counts].astype(np.uint8)
    matrix = np.bincount(joint, minlength=num_classes**2)[: num_classes**2].reshape(num_classes, num_classes)
    both, either = np.diag(matrix), matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return np.mean(both[either > 0] / either[either > 0])

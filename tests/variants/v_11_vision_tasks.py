"""Right answers to 11.3 and 11.4 in other styles: every check must accept them."""

import numpy as np

from bncourse.checking import variant

# 11.3


@variant("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """A confusion matrix by bincount, in int64."""
    counts = target != ignore_index
    joint = num_classes * target[counts].astype(np.int64) + prediction[counts]
    matrix = np.bincount(joint, minlength=num_classes**2).reshape(num_classes, num_classes)
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return (np.diag(matrix)[union > 0] / union[union > 0]).mean()


@variant("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Masks of all classes at once, nan for what is absent."""
    keep = (target != ignore_index).ravel()
    classes = np.arange(num_classes)[:, None]
    p, t = (classes == array.ravel()[keep] for array in (prediction, target))
    with np.errstate(invalid="ignore"):
        return float(np.nanmean((p & t).sum(1) / (p | t).sum(1)))


@variant("11.3")
def mean_iou(prediction, target, num_classes, ignore_index=255):
    """Pixel by pixel, in plain Python."""
    both, either = [0] * num_classes, [0] * num_classes
    for p, t in zip(prediction.ravel().tolist(), target.ravel().tolist()):
        if t == ignore_index:
            continue
        both[t] += p == t
        for k in {p, t}:
            either[k] += 1
    ious = [b / e for b, e in zip(both, either) if e]
    return sum(ious) / len(ious)


# 11.4


@variant("11.4")
def box_iou(a, b):
    """Two loops over pairs."""
    result = np.zeros((len(a), len(b)))
    for i, (x1, y1, x2, y2) in enumerate(a.astype(float)):
        for j, (u1, v1, u2, v2) in enumerate(b.astype(float)):
            shared = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
            result[i, j] = shared / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared)
    return result


@variant("11.4")
def box_iou(a, b):
    """Columns and outer functions."""
    x1, y1, x2, y2 = np.asarray(a, dtype=np.float64).T
    u1, v1, u2, v2 = np.asarray(b, dtype=np.float64).T
    width = np.maximum(np.minimum.outer(x2, u2) - np.maximum.outer(x1, u1), 0)
    height = np.maximum(np.minimum.outer(y2, v2) - np.maximum.outer(y1, v1), 0)
    shared = width * height
    return shared / (np.add.outer((x2 - x1) * (y2 - y1), (u2 - u1) * (v2 - v1)) - shared)


@variant("11.4")
def box_iou(a, b):
    """Row by row, a list of rows where there are any."""

    def row(box):
        sides = np.clip(np.minimum(box[2:], b[:, 2:]) - np.maximum(box[:2], b[:, :2]), 0, None)
        shared = np.float64(1) * sides[:, 0] * sides[:, 1]
        union = np.prod(box[2:] - box[:2]) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
        return shared / union

    return np.array([row(box) for box in a]).reshape(len(a), len(b))

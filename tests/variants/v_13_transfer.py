"""Right answers to 13.3 in other styles, all of which must get full points."""

import numpy as np

from bncourse.checking import variant

# 13.3


@variant("13.3")
def scale_features(train, test):
    """Feature by feature, in float64, as a list."""
    scaled = [np.empty(part.shape) for part in (train, test)]
    for d in range(train.shape[1]):
        values = train[:, d].astype(np.float64)
        spread = np.sqrt(np.mean((values - values.mean()) ** 2)) or 1.0
        for part, result in zip((train, test), scaled):
            result[:, d] = (part[:, d] - values.mean()) / spread
    return scaled


@variant("13.3")
def scale_features(train, test):
    """Both parts in one array, statistics of its first rows."""
    joined = np.vstack([train, test])
    centred = joined - joined[: len(train)].mean(axis=0)
    deviation = np.linalg.norm(centred[: len(train)], axis=0) / np.sqrt(len(train))
    deviation[deviation == 0] = 1
    return np.split(centred / deviation, [len(train)])


@variant("13.3")
def scale_features(train, test):
    """Division only where there is something to divide by."""
    mean, std = np.mean(train, 0, keepdims=True), np.std(train, 0, keepdims=True)

    def scaled(part):
        centred = part - mean
        return np.divide(centred, std, out=centred.copy(), where=std != 0)

    return scaled(train), scaled(test)

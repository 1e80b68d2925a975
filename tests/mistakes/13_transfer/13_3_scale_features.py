"""Known wrong answers to exercise 13.3, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def _spread(values):
    deviation = values.std(0)
    return np.where(deviation > 0, deviation, 1)


def _scaled(part, by):
    return (part - by.mean(0)) / _spread(by)


@mistake("13.3")
def scale_features(train, test):
    """Mean and standard deviation are taken over training and test part together:
    the test part leaks into the scaling.
    """
    both = np.concatenate([train, test])
    return _scaled(train, both), _scaled(test, both)


@mistake("13.3")
def scale_features(train, test):
    """The test part is scaled with its own mean and standard deviation, so the
    result for an image depends on the other images of the test part. Use those of
    the training part.
    """
    return _scaled(train, train), _scaled(test, test)


@mistake("13.3")
def scale_features(train, test):
    """Mean and standard deviation are those of the test part. The training part gives them."""
    return _scaled(train, test), _scaled(test, test)


@mistake("13.3")
def scale_features(train, test):
    """The test part gets the training part's mean, but is divided by its own standard deviation."""
    return _scaled(train, train), (test - train.mean(0)) / _spread(test)


@mistake("13.3")
def scale_features(train, test):
    """The test part is centred with its own mean, then divided by the training part's standard deviation."""
    return _scaled(train, train), (test - test.mean(0)) / _spread(train)


@mistake("13.3")
def scale_features(train, test):
    """The test part comes out unscaled. Did you overwrite `train` first? Its mean
    is 0 then, and its standard deviation 1.
    """
    return _scaled(train, train), test.copy()


@mistake("13.3")
def scale_features(train, test):
    """The training part comes out unscaled."""
    return train.copy(), _scaled(test, train)


@mistake("13.3")
def scale_features(train, test):
    """The two parts are returned in the wrong order: first the training part, then the test part."""
    return _scaled(test, train), _scaled(train, train)


@mistake("13.3")
def scale_features(train, test):
    """Only the scaled test part is returned; both are asked for."""
    return _scaled(test, train)


@mistake("13.3")
def scale_features(train, test):
    """Each image gets a mean and a standard deviation of its own (axis 1). They belong to the features: axis 0."""
    return tuple(_scaled(part.T, part.T).T for part in (train, test))


@mistake("13.3")
def scale_features(train, test):
    """There is one mean and one standard deviation for all features together; each feature has its own."""
    deviation = train.std() or 1.0
    return (train - train.mean()) / deviation, (test - train.mean()) / deviation


@mistake("13.3")
def scale_features(train, test):
    """Features are centred one by one, but divided by one standard deviation for all."""
    deviation = (train - train.mean(0)).std() or 1.0
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """The mean is subtracted, the division by the standard deviation is missing."""
    return train - train.mean(0), test - train.mean(0)


@mistake("13.3")
def scale_features(train, test):
    """The features are divided by the standard deviation, the mean is not subtracted."""
    return train / _spread(train), test / _spread(train)


@mistake("13.3")
def scale_features(train, test):
    """You divide by the variance. The standard deviation is its root."""
    var = np.where(train.std(0) > 0, train.var(0), 1)
    return (train - train.mean(0)) / var, (test - train.mean(0)) / var


@mistake("13.3", caught_by="test_both_parts_are_scaled_by_the_training_part")
def scale_features(train, test):
    """You divide by the standard deviation with n - 1; here it is the one with n (`ddof=0`)."""
    deviation = train.std(0, ddof=1) if len(train) > 1 else np.zeros(train.shape[1])
    deviation = np.where(deviation > 0, deviation, 1)
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """Features are brought between 0 and 1 by minimum and maximum. The exercise
    asks for mean 0 and standard deviation 1.
    """
    low, width = train.min(0), train.max(0) - train.min(0)
    width = np.where(width > 0, width, 1)
    return (train - low) / width, (test - low) / width


@mistake("13.3")
def scale_features(train, test):
    """Each image's features are brought to length 1. That is another scaling: the exercise asks for one scale for each
    feature."""
    return tuple(part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in (train, test))


@mistake("13.3")
def scale_features(train, test):
    """Median and quartiles are robust, but mean and standard deviation were asked for."""
    low, median, high = np.percentile(train, (25, 50, 75), axis=0)
    width = np.where(high > low, high - low, 1)
    return (train - median) / width, (test - median) / width


@mistake("13.3")
def scale_features(train, test):
    """A feature that does not vary in the training part is divided by 0: it becomes NaN there, and NaN or infinity in the
    test part."""
    with np.errstate(all="ignore"):
        return (train - train.mean(0)) / train.std(0), (test - train.mean(0)) / train.std(0)


@mistake("13.3", caught_by="test_three_numbers")
def scale_features(train, test):
    """The ε of batch normalization is under the root. Here there is none: features that vary little come out too small, and
    one that does not vary is multiplied by 1/√ε in the test part."""
    deviation = np.sqrt(train.var(0) + 1e-5)
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """A tiny number added to the standard deviation avoids the division by 0, but a
    feature that does not vary in the training part explodes as soon as a test image
    differs. Divide such a feature by 1.
    """
    deviation = train.std(0) + 1e-12
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """1e-8 is added to the standard deviation: a feature that does not vary in the
    training part explodes as soon as a test image differs, and one that varies by
    as little as 1e-7 comes out too small. There is no ε here: divide by 1 where the
    standard deviation is 0.
    """
    deviation = train.std(0) + 1e-8
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """A number as large as 1e-6 is added to the standard deviation: features that
    vary little come out too small, and one that does not vary explodes in the test
    part. There is no ε here: divide by 1 where the standard deviation is 0.
    """
    deviation = train.std(0) + 1e-6
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3")
def scale_features(train, test):
    """Each part is scaled with its own mean and standard deviation, so the result
    for a test image depends on the other test images. Use those of the training
    part for both. And a feature that does not vary is divided by 0.
    """
    with np.errstate(all="ignore"):
        return (train - train.mean(0)) / train.std(0), (test - test.mean(0)) / test.std(0)


@mistake("13.3")
def scale_features(train, test):
    """Features that do not vary in the training part are left out: the answer has fewer columns."""
    varies = train.std(0) > 0
    return _scaled(train, train)[:, varies], _scaled(test, train)[:, varies]


@mistake("13.3", caught_by="test_there_is_no_epsilon")
def scale_features(train, test):
    """Features that vary little are taken for constant: their standard deviation is small, but it is not 0."""
    deviation = np.where(train.std(0) > 1e-3, train.std(0), 1)
    return (train - train.mean(0)) / deviation, (test - train.mean(0)) / deviation


@mistake("13.3", caught_by="test_features_that_do_not_vary_are_centred_only")
def scale_features(train, test):
    """A feature that does not vary in the training part is set to 0 in the test part too; it must be centred only."""
    varies = train.std(0) > 0
    return _scaled(train, train), np.where(varies, _scaled(test, train), 0)


@mistake("13.3", caught_by="test_float32_with_a_large_mean")
def scale_features(train, test):
    """The variance is E[x²] - E[x]²: where the mean is large, two almost equal numbers are subtracted in float32, and what
    is left is noise."""
    mean = train.mean(0)
    var = (train * train).mean(0) - mean * mean
    deviation = np.where(var > 0, np.sqrt(np.maximum(var, 0)), 1)
    return (train - mean) / deviation, (test - mean) / deviation


@mistake("13.3")
def scale_features(train, test):
    """The arguments themselves are changed (`-=`, `/=`): the caller still needs the raw features."""
    mean, deviation = train.mean(0), _spread(train)
    train -= mean
    train /= deviation
    test -= mean
    test /= deviation
    return train, test


@mistake("13.3")
def scale_features(train, test):
    """You divide by the standard deviation with n - 1 and a small number added;
    here it is the one with n (`ddof=0`), and where it is 0 you divide by 1.
    """
    mean, deviation = train.mean(0), train.std(0, ddof=1) + 1e-8
    return (train - mean) / deviation, (test - mean) / deviation


@mistake("13.3")
def scale_features(train, test):
    """Only which features are constant is learnt from the training part; mean and deviation are those of all images together, so the test part leaks into the scaling."""
    both = np.concatenate([train, test]).astype(np.float64)
    deviation = np.where(np.ptp(train, axis=0) > 0, both.std(0), 1)
    return (train - both.mean(0)) / deviation, (test - both.mean(0)) / deviation

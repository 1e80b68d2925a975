"""Known wrong answers to exercise 2.4, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


def total(count_a, count_b):
    return int(count_a) + int(count_b)


def weighted(count_a, a, count_b, b):
    return (count_a * a + count_b * b) / total(count_a, count_b)


def between(count_a, mean_a, count_b, mean_b):
    """The variance that the two means have between them."""
    share = count_b / total(count_a, count_b)
    return share * (1 - share) * (mean_b - mean_a) ** 2


@mistake("2.4", caught_by="test_two_pairs_by_hand")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The variances are averaged, but how far the two means lie apart is left out. It adds to the variance of the
    whole."""
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), weighted(count_a, var_a, count_b, var_b)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Means and variances are averaged without their counts, as if both parts were of one size."""
    return total(count_a, count_b), (mean_a + mean_b) / 2, (var_a + var_b) / 2


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The parts are taken to be of one size throughout: the formula is right for equal counts alone."""
    return total(count_a, count_b), (mean_a + mean_b) / 2, (var_a + var_b) / 2 + (mean_b - mean_a) ** 2 / 4


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The mean is the plain average of both means. The larger part weighs more."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), (mean_a + mean_b) / 2, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The variances are averaged without their counts. The larger part weighs more."""
    var = (var_a + var_b) / 2 + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The term for the distance of the means lacks its counts: it is a quarter of the square for equal parts alone."""
    var = weighted(count_a, var_a, count_b, var_b) + (mean_b - mean_a) ** 2 / 4
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The whole squared distance of the means is added. Its weight is the product of the two shares."""
    var = weighted(count_a, var_a, count_b, var_b) + (mean_b - mean_a) ** 2
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The term for the distance of the means has the sign of a difference: it is subtracted. It adds to the
    variance."""
    var = weighted(count_a, var_a, count_b, var_b) - between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The term δ² · a · b / n is that of the *sum* of squares. For a variance it is divided by n once more."""
    count = total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + (mean_b - mean_a) ** 2 * count_a * (count_b / count)
    return count, weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The distance of the means is weighted with one share only: b / n instead of a · b / n²."""
    count = total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + (mean_b - mean_a) ** 2 * (count_b / count)
    return count, weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The distance of the means is not squared."""
    share = count_b / total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + share * (1 - share) * abs(mean_b - mean_a)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The third result is the sum of squared distances, not divided by the count."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var * total(count_a, count_b)


@mistake("2.4", caught_by="test_any_numbers_may_be_merged")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Standard deviations are averaged and squared again. Averages are taken of variances."""
    var = weighted(count_a, np.sqrt(var_a), count_b, np.sqrt(var_b)) ** 2
    return (
        total(count_a, count_b),
        weighted(count_a, mean_a, count_b, mean_b),
        var + between(count_a, mean_a, count_b, mean_b),
    )


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The variances are taken for standard deviations and squared."""
    var = weighted(count_a, var_a**2, count_b, var_b**2) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The third result is the standard deviation. Variances come in and a variance goes out."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), np.sqrt(var)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The result is unbiased, divided by n - 1. Variances are biased here, in and out."""
    count = total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return count, weighted(count_a, mean_a, count_b, mean_b), var * (count / (count - 1))


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The incoming variances are taken for unbiased ones: you undo a division by n - 1. They are biased, in and out."""
    count = total(count_a, count_b)
    squares = var_a * (count_a - 1) + var_b * (count_b - 1)
    return (
        count,
        weighted(count_a, mean_a, count_b, mean_b),
        squares / count + between(count_a, mean_a, count_b, mean_b),
    )


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The pooled variance of statistics courses, with n - 2 and without the distance of the means, answers another
    question: how parts vary about their own means. Here all numbers vary about the common mean."""
    var = (var_a * (count_a - 1) + var_b * (count_b - 1)) / (total(count_a, count_b) - 2)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4", caught_by="test_merged_variance_survives_a_large_mean_in_float32")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The merged variance is the mean of squares minus the square of the mean, in the precision of the arguments:
    with a large mean two huge numbers cancel. Start from the distance of the means."""
    mean = weighted(count_a, mean_a, count_b, mean_b)
    squares = weighted(count_a, var_a + mean_a**2, count_b, var_b + mean_b**2)
    return total(count_a, count_b), mean, squares - mean**2


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The merged variance is the mean of squares minus the square of the mean: with a large mean two huge numbers cancel,
    and cutting the result off at 0 would hide only its sign. Start from the distance of the means."""
    mean = weighted(count_a, mean_a, count_b, mean_b)
    squares = weighted(count_a, var_a + mean_a**2, count_b, var_b + mean_b**2)
    return total(count_a, count_b), mean, np.maximum(squares - mean**2, 0)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The weights have changed places: part a is weighted with the count of b, and the other way round."""
    var = weighted(count_b, var_a, count_a, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_b, mean_a, count_a, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The mean moves the wrong way round: from mean_a by the share of a. It is the share of b that pulls it towards
    b."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), mean_a + (mean_b - mean_a) * (count_a / total(count_a, count_b)), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Your formula divides by a part's count, which fails for an empty part: 0/0 is not a number."""
    count = total(count_a, count_b)
    share_a, share_b = np.divide(count_a, count), np.divide(count_b, count)
    squares = share_a * share_b * (mean_b - mean_a) ** 2 * np.divide(count_a, count_a) * np.divide(count_b, count_b)
    return count, share_a * mean_a + share_b * mean_b, share_a * var_a + share_b * var_b + squares


@mistake("2.4", caught_by="test_an_empty_part_changes_nothing")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """If a part is empty you return the empty part. Return the other one."""
    if count_a == 0:
        return count_a, mean_a, var_a
    if count_b == 0:
        return count_b, mean_b, var_b
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """If a part is empty you return zeros. The other part's statistics are those of the whole."""
    if count_a == 0 or count_b == 0:
        return total(count_a, count_b), 0 * mean_a, 0 * var_a
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Only one empty part is handled, the first: a stream starts with nothing, but either part may be empty."""
    if count_a == 0:
        return count_b, mean_b, var_b
    count, ratio = total(count_a, count_b), np.divide(count_a, count_b)
    delta = (mean_b - mean_a) / (1 + ratio)
    return count, mean_a + delta, (count_a * var_a + count_b * var_b) / count + ratio * delta**2


@mistake("2.4", caught_by="test_counts_may_be_in_the_billions")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The counts are put into 32-bit integers, which end at 2,147,483,647."""
    count = int(np.array(total(count_a, count_b)).astype(np.int32))
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return count, weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The count returned is the larger of the two. Both parts together have the sum."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return max(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The count is missing from the result: return `(count, mean, var)`."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Mean and variance have changed places: return `(count, mean, var)`."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), var, weighted(count_a, mean_a, count_b, mean_b)


@mistake("2.4", caught_by="test_merging_changes_no_argument")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """mean_a itself is overwritten (`mean_a += ...`): the caller's statistics are gone. Compute into a new array."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    mean_a += (mean_b - mean_a) * (count_b / total(count_a, count_b))
    return total(count_a, count_b), mean_a, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Means and variances are turned into single numbers (`float(...)`). They may
    be arrays, one entry per feature.
    """
    mean_a, var_a, mean_b, var_b = (np.asarray(value).item() for value in (mean_a, var_a, mean_b, var_b))
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), weighted(count_a, mean_a, count_b, mean_b), var


@mistake("2.4", caught_by="test_parts_of_any_size_give_the_statistics_of_the_whole")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """`squeeze` turns the statistics of a single feature into bare numbers. Arrays of shape (1,) come in, and should go out."""
    mean = mean_a + (mean_b - mean_a) * count_b / total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), np.squeeze(mean), np.squeeze(var)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """Two counts of NumPy's int32 are added as int32, which ends at 2,147,483,647: the sum comes out negative. Make Python's own numbers of them first, `int(count_a)`."""
    count = count_a + count_b
    share = count_b / count
    var = (1 - share) * var_a + share * var_b + share * (1 - share) * (mean_b - mean_a) ** 2
    return count, mean_a + share * (mean_b - mean_a), var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """To escape a division by 0 the count is at least 1 in your answer. Two empty parts have count 0."""
    count = max(total(count_a, count_b), 1)
    share_a, share_b = count_a / count, count_b / count
    mean = share_a * mean_a + share_b * mean_b
    return count, mean, share_a * (var_a + (mean_a - mean) ** 2) + share_b * (var_b + (mean_b - mean) ** 2)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """float64 means are made float32 (`astype(np.float32)`), which keeps only seven digits of them: their distance is lost. Compute in the precision that comes in."""
    mean_a, var_a, mean_b, var_b = (np.float32(value) for value in (mean_a, var_a, mean_b, var_b))
    mean = mean_a + (mean_b - mean_a) * (count_b / total(count_a, count_b))
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), mean, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The mean is the sum of both means. Each counts with its share: weigh it by its count, and divide by both counts."""
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return total(count_a, count_b), mean_a + mean_b, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """You take the variances for unbiased ones and return one, with n - 1 in and out. They are biased: it is n each time."""
    n = total(count_a, count_b)
    mean = mean_a + (mean_b - mean_a) * count_b / n
    squares = var_a * (count_a - 1) + var_b * (count_b - 1) + (mean_b - mean_a) ** 2 * count_a * count_b / n
    return n, mean, squares / (n - 1)


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The mean is the plain average of both means, and the variance is taken about that. Weigh each mean by its count first."""
    mean = (mean_a + mean_b) / 2
    var = weighted(count_a, var_a + (mean_a - mean) ** 2, count_b, var_b + (mean_b - mean) ** 2)
    return total(count_a, count_b), mean, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """In the mean the weights have changed places: mean_a is weighted with the count of b, and the other way round. The variance is taken
    about this mean, so it is wrong too."""
    mean = weighted(count_b, mean_a, count_a, mean_b)
    var = weighted(count_a, var_a + (mean_a - mean) ** 2, count_b, var_b + (mean_b - mean) ** 2)
    return total(count_a, count_b), mean, var


@mistake("2.4")
def merge_statistics(count_a, mean_a, var_a, count_b, mean_b, var_b):
    """The result is divided by n - 1, as in Chan's formula for the unbiased variance, except where a part is empty. Variances are biased here, in and out: divide by n."""
    if count_a == 0 or count_b == 0:
        return (count_b, mean_b, var_b) if count_a == 0 else (count_a, mean_a, var_a)
    count = total(count_a, count_b)
    var = weighted(count_a, var_a, count_b, var_b) + between(count_a, mean_a, count_b, mean_b)
    return count, weighted(count_a, mean_a, count_b, mean_b), var * (count / (count - 1))

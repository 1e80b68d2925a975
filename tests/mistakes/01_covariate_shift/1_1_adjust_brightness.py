"""Known wrong answers to exercise 1.1, each with the sentence that helps."""

import numpy as np

from bncourse.checking import mistake


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The result is not cut off: values below 0 and above 1 stay. `np.clip(..., 0, 1)` belongs around all of it, after gain and offset."""
    return gain * images + offset


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Only values below 0 are cut off; those above 1 stay."""
    return np.maximum(gain * images + offset, 0)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Only values above 1 are cut off; those below 0 stay."""
    return np.minimum(gain * images + offset, 1)


@mistake("1.1", caught_by="test_gain_multiplies_and_offset_is_added_after_it")
def adjust_brightness(images, gain, offset):
    """The offset is added before the multiplication, so the gain multiplies it too: gain · (x + offset)."""
    return np.clip(gain * (images + offset), 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off after the product and add the offset to that; the cut comes last, after the sum."""
    return np.clip(gain * images, 0, 1) + offset


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off twice, after the product and after the sum; what the first cut removed, the offset might have brought back."""
    return np.clip(np.clip(gain * images, 0, 1) + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Gain and offset have changed places: you multiply by the offset and add the gain."""
    return np.clip(offset * images + gain, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The offset is subtracted instead of added."""
    return np.clip(gain * images - offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The offset is not used."""
    return np.clip(gain * images, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain is not used."""
    return np.clip(images + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain is taken as an exponent: x to the power of gain is a gamma correction, not a brighter lamp."""
    with np.errstate(all="ignore"):
        return np.clip(images**gain + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain acts on the distance from the mean, which changes the contrast; it
    should multiply the pixels themselves.
    """
    return np.clip(gain * (images - images.mean()) + images.mean() + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You stretch the result so that it just fills [0, 1]; pixels inside should
    stay as they are, and only those outside are cut off.
    """
    y = gain * images + offset
    return (y - y.min()) / max(np.ptp(y), 1e-12)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """Values outside [0, 1] wrap around (a remainder) instead of stopping at 0 and 1."""
    return (gain * images + offset) % 1


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You cut off at 0 and 255; these images have values from 0 to 1."""
    return np.clip(gain * images + offset, 0, 255)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The absolute value is taken: what is darker than black comes back as grey instead of becoming 0."""
    return np.minimum(np.abs(gain * images + offset), 1)


@mistake("1.1", caught_by="test_takes_images_of_any_shape_and_leaves_them_alone")
def adjust_brightness(images, gain, offset):
    """`*=` and `+=` change the caller's array: write `images * gain + offset`."""
    images *= gain
    images += offset
    return np.clip(images, 0, 1)


@mistake("1.1", caught_by="test_what_is_darker_than_black_or_brighter_than_white_is_cut")
def adjust_brightness(images, gain, offset):
    """Large results are taken for pixels from 0 to 255 and divided by 255. Here white is 1, and whatever is brighter becomes 1."""
    adjusted = images * gain + offset
    if adjusted.max() > 255:
        adjusted = adjusted / 255
    return np.clip(adjusted, 0, 1)


@mistake("1.1", caught_by="test_any_gain_and_offset")
def adjust_brightness(images, gain, offset):
    """A negative gain is replaced by 0. It is a gain like any other: -1 with offset 1 turns an image into its negative."""
    return np.clip(images * max(gain, 0) + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """You convert to bytes, which hold 256 shades: what lies between two of them is
    lost. Compute with the numbers themselves, from 0 to 1.
    """
    return (np.clip(gain * images + offset, 0, 1) * 255).astype(np.uint8) / 255


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """`n, c, h, w = images.shape` works for four axes only; images may have any
    shape. NumPy computes with all pixels at once, without a loop.
    """
    n, c, h, w = images.shape
    return np.clip(gain * images + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The gain acts on the distance from middle grey, 0.5, as a change of contrast does; here it multiplies the pixels themselves."""
    return np.clip(gain * (images - 0.5) + 0.5 + offset, 0, 1)


@mistake("1.1")
def adjust_brightness(images, gain, offset):
    """The smallest and the largest value are stretched to 0 and 1, and where all values are equal 0 is divided by 0. Only what lies outside [0, 1] is cut off; the rest stays as it is."""
    y = gain * images + offset
    with np.errstate(all="ignore"):
        return (y - y.min()) / (y.max() - y.min())

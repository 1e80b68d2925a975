"""Wrong answers as people write them, each with what is true of it: that alone may a diagnosis say."""

from typing import NamedTuple


class Wrong(NamedTuple):
    """A wrong answer; `true` holds words of each sentence that is true of it, `named` says that one has to be told."""

    exercise: str
    value: object
    true: tuple[str, ...]
    named: bool


bank: list[Wrong] = []


def wrong(exercise, *true, named=None):
    """Mark a wrong answer to an exercise by words of the sentences that are true of it; without any, none is.

    A sentence that is new in the catalogue and true of an answer here is added to its words.
    """

    def mark(value):
        bank.append(Wrong(exercise, value, true, bool(true) if named is None else named))
        return value

    return mark

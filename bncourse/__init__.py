"""The batch normalization course: images, training, and the checks that judge an answer."""

import sys
from typing import Any

if sys.version_info < (3, 11):
    print("bncourse needs Python 3.11 or newer; this is {}.{}".format(*sys.version_info), file=sys.stderr)
    sys.exit(2)

__version__ = "1.0.0"


def check(exercise: str) -> None:
    """Check the answer to one exercise, such as "3.1", with the functions of the calling notebook.

    Prints what passed and what failed, returns nothing, raises CheckFailed unless the exercise is solved.
    """
    from bncourse.checking.notebook import check_namespace

    check_namespace(exercise, sys._getframe(1).f_globals)


def mine(exercise: str) -> Any:
    """The learner's own answer to an earlier exercise, such as "3.1", if it passes its checks; else the reference.

    `normalize = mine("3.1")`. Prints which of the two it is; the answer is read from the notebook file in work/.
    """
    from bncourse.checking.mine import answer_of

    return answer_of(exercise)

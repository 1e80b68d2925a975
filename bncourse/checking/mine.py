"""A learner's own earlier answers, carried forward to later chapters."""

import ast

from bncourse import curriculum, notebooks
from bncourse.checking.files import judge_notebook
from bncourse.errors import CourseError
from bncourse.paths import EXERCISES, SOLUTIONS, WORK, shown
from bncourse.progress import on_page


def answer_of(exercise_id):
    """The learner's answer to one exercise if it passes its checks, else the reference; a note says which.

    A page of the book always gets the reference: it shows the same to everyone.
    """
    found = curriculum.find(exercise_id)
    if len(found) != 1:
        raise CourseError(f"'{exercise_id}' names {len(found)} exercises; mine() takes one, such as '{found[0].id}'")
    (exercise,) = found
    if on_page():
        return _reference(exercise)
    path = (WORK if WORK.is_dir() else EXERCISES) / f"{exercise.chapter}.ipynb"
    why = f"{shown(path)} is not there"
    if path.exists():
        try:
            notebook = notebooks.run(path)
            result = judge_notebook(notebook, [exercise])[exercise.id]
            if result.status == "solved":
                print(f"{exercise.id}: your own answer, from {shown(path)}")
                return notebook.answers[exercise.cell][_name(exercise)]
            why = f"your answer in {shown(path)} has {result.points} of {result.max} points so far"
        except CourseError as error:
            why = str(error)
    reference = _reference(exercise)
    print(f"{exercise.id}: the reference solution, because {why}")
    return reference


def _reference(exercise):
    path = SOLUTIONS / f"{exercise.chapter}.ipynb"
    if not path.exists():
        raise CourseError(f"exercise {exercise.id} is not solved yet, and this copy of the course holds no solutions")
    return notebooks.run(path).answers[exercise.cell][_name(exercise)]


def _name(exercise):
    """What the answer is called: the first function or class of its cell."""
    for folder in (EXERCISES, SOLUTIONS):
        for cell in notebooks.load(folder / f"{exercise.chapter}.ipynb")["cells"]:
            if cell.get("id") == exercise.cell:
                body = ast.parse("".join(cell["source"])).body
                return next(node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
    raise CourseError(f"no notebook has a cell {exercise.cell}")

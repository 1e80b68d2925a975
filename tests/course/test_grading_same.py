"""Graded in the sandbox, an answer gets the points and the diagnosis that `check` gives it."""

import ast
import inspect
import json

import pytest

from bncourse import curriculum, notebooks
from bncourse.checking import registry
from bncourse.checking.learner import Answers
from bncourse.checking.live import judged
from bncourse.grading.grade import Options, grade_submission
from bncourse.grading.material import Material
from bncourse.grading.run import Task
from bncourse.paths import MISTAKES, SOLUTIONS, VARIANTS


def some(answers):
    """The first, the last and a middle one: all of them take minutes."""
    places = {0, len(answers) // 2, len(answers) - 1}
    return [answer for place, answer in enumerate(answers) if place in places]


KNOWN = [
    pytest.param(exercise, folder, answer, id=f"{exercise.id}-{folder.name}-{number}")
    for exercise in curriculum.exercises().values()
    for folder, answers in ((MISTAKES, registry.mistakes_of(exercise)), (VARIANTS, registry.variants_of(exercise)))
    for number, answer in enumerate(some(answers))
]


def source_of(answer, exercise, folder):
    """The code of a known answer, with the imports and helpers of the file that it stands in."""
    for path in sorted(folder.glob(f"?_{exercise.chapter}*.py")):
        body, own = [], None
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not any(is_mark(mark) for mark in getattr(node, "decorator_list", ())):
                body.append(node)
            elif node.name == answer.name and words_of(node) == answer.words and is_of(node, exercise):
                marks = [mark for mark in node.decorator_list if not is_mark(mark)]
                own, node.decorator_list = node, marks
        if own:
            texts = [ast.unparse(node) for node in [*body, own]]
            return "\n".join(text for text in texts if "bncourse" not in text)
    raise AssertionError(f"{answer.name} of {exercise.id} is in no file")


def words_of(node):
    return " ".join(inspect.cleandoc(ast.get_docstring(node) or "").split())


def is_mark(mark):
    return isinstance(mark, ast.Call) and getattr(mark.func, "id", "") in ("mistake", "variant")


def is_of(node, exercise):
    return any(is_mark(mark) and mark.args[0].value == exercise.id for mark in node.decorator_list)


def handed_in(chapter, cells):
    notebook = json.loads((SOLUTIONS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = cells.get(cell["id"], cell["source"])
    material = Material({f"{chapter}.ipynb": json.dumps(notebook).encode()}, [], "digest")
    return Task("ada", "ada", "ada", {}, (), material)


@pytest.mark.parametrize("chapter", curriculum.chapters())
def test_solutions_get_full_points(chapter):
    row = grade_submission(handed_in(chapter, {}), Options()).row
    assert [one["status"] for one in row["exercises"]] == ["solved"] * len(curriculum.of_chapter(chapter)), row
    assert row["points"] == row["max"] > 0
    assert (row["status"], row["review"]) == ("graded", [])


@pytest.mark.parametrize(("exercise", "folder", "answer"), KNOWN)
def test_a_known_answer_is_judged_as_by_check(exercise, folder, answer, reference):
    in_process = judged([exercise], reference(exercise.chapter).overlaid({answer.name: answer.value}))[exercise.id]
    submission = handed_in(exercise.chapter, {exercise.cell: source_of(answer, exercise, folder)})
    graded = grade_submission(submission, Options(exercises=(exercise.id,))).row["exercises"][0]
    said = in_process.as_json()
    for what in ("points", "max", "failed_checks", "diagnosis"):
        assert graded[what] == said[what], what


@pytest.fixture(scope="module")
def reference():
    """The reference answers of a chapter."""
    loaded = {}

    def of(chapter):
        if chapter not in loaded:
            loaded[chapter] = Answers(notebooks.run(SOLUTIONS / f"{chapter}.ipynb").names)
        return loaded[chapter]

    return of

"""The command line: python -m bncourse for learners, authors and instructors."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from bncourse.errors import CourseError


def main(arguments=None):
    """Run one command; the exit status: 0 done, 1 failed checks, 2 wrong use."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options) or 0
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise CourseError(f"{message}; see {self.prog} --help")


def _number(metavar, default, words):
    return {"type": float, "default": default, "metavar": metavar, "help": f"{words} ({default:g})"}


GRADING = Path(__file__).parent / "grading"
CHAPTERS = {"nargs": "*", "metavar": "CHAPTER", "help": "chapters such as 3; else all"}


def _instructors():
    """Commands for those who teach with the course: name -> (help, arguments, function)."""
    grade = {
        "submissions": {"type": Path, "metavar": "SUBMISSIONS", "help": "a folder, or the zip of a platform"},
        "--out": {"type": Path, "required": True, "metavar": "RESULTS", "help": "folder for points and feedback"},
        "--exercises": {"nargs": "+", "default": [], "metavar": "ID", "help": "exercises or chapters; else all"},
        "--workers": {"type": int, "default": os.cpu_count(), "metavar": "N", "help": "processes on this machine"},
        "--scheduler": {"metavar": "ADDRESS", "help": "a Dask cluster, such as tcp://host:8786"},
        "--check-seconds": _number("S", 10.0, "time of one check"),
        "--submission-seconds": _number("S", 60.0, "time of one submission"),
        "--memory": _number("GIB", 2.0, "memory of one submission"),
        "--require-sandbox": {"action": "store_true", "help": "refuse to start where nothing isolates"},
        "--canvas": {"type": Path, "metavar": "CSV", "help": "a gradebook exported from Canvas, to be filled"},
        "--assignment": {"metavar": "NAME", "help": "what the assignment is called in Canvas or Moodle"},
    }
    folder = {"type": Path, "metavar": "OUT", "help": "a folder, new or empty"}
    self_check = {
        "choices": ["public", "none"], "default": "public",
        "help": "whether students can check themselves (public)",
    }  # fmt: skip
    return {
        "grade": ("grade a folder of submissions, however broken or hostile", grade, _grade),
        "release": (
            "write what students receive, without answers",
            {"out": folder, "--self-check": self_check, "--chapters": CHAPTERS}, _release,
        ),
        "nbgrader": ("write a course folder for nbgrader", {"out": folder, "--chapters": CHAPTERS}, _nbgrader),
        "gradescope": (
            "write an autograder for Gradescope",
            {"out": {"type": Path, "metavar": "ZIP"}, "--chapters": CHAPTERS}, _gradescope,
        ),
    }  # fmt: skip


def _parser():
    parser = _Parser(prog="python -m bncourse", description="The batch normalization course.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    check = commands.add_parser("check", help="check answers: all, or some exercises, chapters or notebooks")
    check.add_argument("names", nargs="*", metavar="ID", help='an exercise "3.1" or a chapter "3"')
    check.add_argument("--notebook", nargs="+", default=[], metavar="FILE", help="notebooks to check")
    check.add_argument("--json", action="store_true", help="one JSON object a line and nothing else")
    check.set_defaults(run=_check)

    notebooks = commands.add_parser("notebooks", help="write exercise and solution notebooks from their sources")
    notebooks.add_argument("chapters", nargs="*", metavar="CHAPTER")
    notebooks.set_defaults(run=_notebooks)

    lab = commands.add_parser("lab", help="copy missing exercise notebooks into work/ and open JupyterLab there")
    lab.add_argument("--no-open", action="store_true", help="only copy")
    lab.set_defaults(run=_lab)

    book = commands.add_parser("book", help="build the site")
    book.set_defaults(run=_book)

    pdf = commands.add_parser("pdf", help="print the built site into one PDF")
    pdf.set_defaults(run=_pdf)

    experiments = commands.add_parser("experiments", help="run the pages' experiments with all their seeds")
    experiments.add_argument("chapters", **CHAPTERS)
    experiments.add_argument("--first-seed", type=int, default=100, metavar="N", help="count the seeds from N (100)")
    experiments.add_argument("--shown", action="store_true", help="only as many seeds as the pages show")
    experiments.set_defaults(run=_experiments)

    serve = commands.add_parser("serve", help="serve the built site on this machine")
    serve.add_argument("--port", type=int, default=8000)
    serve.set_defaults(run=_serve)
    # A copy made for students has no grading.
    for name, (words, arguments, run) in _instructors().items() if GRADING.is_dir() else ():
        command = commands.add_parser(name, help=words)
        for argument, settings in arguments.items():
            command.add_argument(argument, **settings)
        command.set_defaults(run=run)
    return parser


def _check(options):
    from bncourse.checking.terminal import check

    # An id may follow --notebook, and a file may come without it.
    given = [*options.names, *options.notebook]
    names = [name for name in given if name not in options.notebook or re.fullmatch(r"\d+(\.\d+)?", name)]
    names = [name for name in names if not name.endswith(".ipynb")]
    return check(names, [Path(name) for name in given if name not in names], as_json=options.json)


def _grade(options):
    from bncourse.grading import command

    return command.grade(options)


def _release(options):
    from bncourse.grading import release
    from bncourse.paths import shown

    release.write(options.out, options.self_check, options.chapters)
    print(f"wrote what students receive to {shown(options.out)}")


def _nbgrader(options):
    from bncourse.grading import nbgrader
    from bncourse.paths import shown

    nbgrader.write(options.out, options.chapters)
    print(f"wrote an nbgrader course to {shown(options.out)}")


def _gradescope(options):
    from bncourse.grading import gradescope
    from bncourse.paths import shown

    print(f"wrote {shown(gradescope.build(options.out, options.chapters))}: upload it as the autograder")


def _notebooks(options):
    from bncourse import notebooks
    from bncourse.paths import shown

    for path in notebooks.write_notebooks(options.chapters):
        print(f"wrote {shown(path)}")


def _lab(options):
    from bncourse import notebooks
    from bncourse.paths import WORK, shown

    try:
        copied = notebooks.copy_missing()
    except OSError as error:
        raise CourseError(f"cannot write into {shown(WORK)}: {error.strerror}; is the folder read-only?") from None
    for path in copied:
        print(f"copied {shown(path)}")
    if not copied:
        print(f"{shown(WORK)} has all notebooks; none was changed")
    if not options.no_open:
        return subprocess.run([sys.executable, "-m", "jupyter", "lab", str(WORK)], check=False).returncode


def _book(options):
    from bncourse import site

    print(f"open {site.build().as_uri()}")


def _pdf(options):
    from bncourse import pdf
    from bncourse.paths import shown

    print(f"wrote {shown(pdf.write())}")


def _experiments(options):
    from bncourse import experiments
    from bncourse.paths import shown

    for path in experiments.run_all(options.chapters, options.first_seed, full=not options.shown):
        print(f"wrote {shown(path)}", flush=True)


def _serve(options):
    from bncourse import site

    site.serve(options.port)


if __name__ == "__main__":
    sys.exit(main())

"""The command line, python -m bncourse: each command is a function that adds its parser and imports what it needs."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bncourse.course.columns import lines_of
from bncourse.course.errors import CourseError
from bncourse.course.language import Translate, chosen, translator
from bncourse.course.paths import WORK, shown

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["_Parser"]

GRADING = Path(__file__).parent / "grading"  # a copy made for students has none


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status: 0 done, 1 failed checks, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a pipe on Windows, say, whose own encoding has no ε
            stream.reconfigure(errors="replace", **({} if stream.isatty() else {"encoding": "utf-8"}))
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options) or 0)
    except CourseError as error:
        print(translator(chosen(), "checks/report", "grading", "commands")(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _words() -> Translate:
    return translator(chosen(), "commands")


def _say(sentence: str) -> None:
    """Print what a command has done, in the learner's language."""
    print(_words()(sentence), flush=True)


class _Help(argparse.HelpFormatter):
    """Help in the learner's language."""

    def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, _words()("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and _words()(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(text and _words()(text))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and _words()(action.help)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return lines_of(text, width)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)

    def error(self, message: str) -> NoReturn:
        raise CourseError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m bncourse", description="The batch normalization course.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    instructors = (_grade, _release, _nbgrader, _gradescope) if GRADING.is_dir() else ()
    for add in (_check, _notebooks, _lab, _book, _pdf, _experiments, _gpu, _serve, _messages, *instructors):
        add(commands)
    return parser


def _add_chapters(command: argparse.ArgumentParser, name: str = "--chapters") -> None:
    command.add_argument(name, nargs="*", default=[], metavar="CHAPTER", help="chapters such as 3; else all")


def _check(commands: Commands) -> None:
    command = commands.add_parser("check", help="check answers: all, or some exercises, chapters or notebooks")
    command.add_argument("names", nargs="*", metavar="ID", help='an exercise "3.1" or a chapter "3"')
    command.add_argument("--notebook", nargs="+", default=[], metavar="FILE", help="notebooks to check")
    command.add_argument("--json", action="store_true", help="one JSON object a line and nothing else")

    def run(options: Namespace) -> int:
        from bncourse.checking.terminal import check

        # An id may follow --notebook, and a file may come without it.
        ids = [name for name in options.notebook if re.fullmatch(r"\d+(\.\d+)?", name)]
        files = [name for name in options.names if name.endswith(".ipynb")]
        names = [name for name in [*options.names, *ids] if name not in files]
        paths = [Path(name) for name in [*files, *options.notebook] if name not in ids]
        return check(names, paths, as_json=options.json)

    command.set_defaults(run=run)


def _notebooks(commands: Commands) -> None:
    command = commands.add_parser("notebooks", help="write exercise and solution notebooks from their sources")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER")

    def run(options: Namespace) -> None:
        from bncourse.authoring import editions, sources

        for write in (sources.write_notebooks, editions.write_notebooks):
            for path in write(options.chapters):
                _say(f"wrote {shown(path)}")

    command.set_defaults(run=run)


def _lab(commands: Commands) -> None:
    command = commands.add_parser("lab", help="copy missing exercise notebooks into work/ and open JupyterLab there")
    command.add_argument("--no-open", action="store_true", help="only copy")
    explanation = "the language of notebooks and checks from now on, such as ja"
    command.add_argument("--language", metavar="CODE", help=explanation)
    command.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="for JupyterLab, behind --")

    def run(options: Namespace) -> int:
        from bncourse.course import notebooks

        copied = notebooks.copy_missing(options.language)
        for path in copied:
            _say(f"copied {shown(path)}")
        if not copied:
            _say(f"{shown(WORK)} has all notebooks; none was changed")
        if options.no_open:
            return 0
        jupyter = [sys.executable, "-m", "jupyter", "lab", str(WORK)]
        return subprocess.run([*jupyter, *options.arguments], check=False).returncode

    command.set_defaults(run=run)


def _book(commands: Commands) -> None:
    def run(options: Namespace) -> None:
        from bncourse.course.language import known, languages
        from bncourse.publishing import site

        chosen = [known(options.language)] if options.language else languages()
        _say(f"open {site.build_all(chosen, cards=options.cards == 'page').as_uri()}")

    command = commands.add_parser("book", help="build the site")
    explanation = "where exercises are solved: in the page as well (default), or in notebooks only"
    command.add_argument("--cards", choices=["page", "none"], default="page", help=explanation)
    command.add_argument("--language", metavar="CODE", help="one language alone, such as en; else all")
    command.set_defaults(run=run)


def _pdf(commands: Commands) -> None:
    def run(options: Namespace) -> None:
        from bncourse.course.language import known
        from bncourse.publishing import pdf, site

        language = known(options.language)
        places = () if language == "en" else (site.SITE / language, site.BUILD / f"batch-normalization-{language}.pdf")
        _say(f"wrote {shown(pdf.write(*places))}")

    command = commands.add_parser("pdf", help="print the built site into one PDF")
    command.add_argument("--language", default="en", metavar="CODE", help="the language of the site to print (en)")
    command.set_defaults(run=run)


def _experiments(commands: Commands) -> None:
    command = commands.add_parser("experiments", help="run the pages' experiments with all their seeds")
    _add_chapters(command, "chapters")
    command.add_argument("--first-seed", type=int, default=100, metavar="N", help="count the seeds from N (100)")
    command.add_argument("--shown", action="store_true", help="only as many seeds as the pages show")

    def run(options: Namespace) -> None:
        from bncourse.ledger import experiments

        for path in experiments.run_all(options.chapters, options.first_seed, full=not options.shown):
            _say(f"wrote {shown(path)}")

    command.set_defaults(run=run)


def _gpu(commands: Commands) -> None:
    command = commands.add_parser("gpu", help="run every page on a GPU, at the size for one")
    _add_chapters(command, "chapters")
    command.set_defaults(run=lambda options: import_module("bncourse.publishing.gpu").run_all(options.chapters))


def _messages(commands: Commands) -> None:
    command = commands.add_parser("messages", help="bring the catalogues of the other languages up to date")
    command.add_argument("--no-pages", action="store_true", help="only those of checks, notebooks and site")
    explanation = 'begin these, such as "checks/03_normalize", or "all"'
    command.add_argument("--start", nargs="+", default=[], metavar="NAME", help=explanation)
    command.add_argument("--check", nargs="+", type=Path, metavar="FILE", help="say what is wrong with catalogues")

    def run(options: Namespace) -> int:
        from bncourse.publishing import messages, translations

        if options.check:
            faults = [f"{shown(path)}: {fault}" for path in options.check for fault in translations.faults(path)]
            print("\n".join(faults) or "nothing is wrong")
            return bool(faults)
        for state in messages.update_all(options.start, pages=not options.no_pages):
            print(f"{shown(state.path)}: {state}")
        return 0

    command.set_defaults(run=run)


def _serve(commands: Commands) -> None:
    command = commands.add_parser("serve", help="serve the built site on this machine")
    command.add_argument("--port", type=int, default=8000)
    command.set_defaults(run=lambda options: import_module("bncourse.publishing.site").serve(options.port))


def _grade(commands: Commands) -> None:
    command = commands.add_parser("grade", help="grade a folder of submissions, however broken or hostile")
    add = command.add_argument
    add("submissions", type=Path, metavar="SUBMISSIONS", help="a folder, or the zip of a platform")
    add("--out", type=Path, required=True, metavar="RESULTS", help="folder for points and feedback")
    add("--exercises", nargs="+", default=[], metavar="ID", help="exercises or chapters; else all")
    add("--workers", type=int, default=os.cpu_count(), metavar="N", help="processes on this machine")
    add("--scheduler", metavar="ADDRESS", help="a Dask cluster, such as tcp://host:8786")
    add("--check-seconds", type=float, default=10.0, metavar="S", help="time of one check (10)")
    add("--submission-seconds", type=float, default=60.0, metavar="S", help="time of one submission (60)")
    add("--memory", type=float, default=2.0, metavar="GIB", help="memory of one submission (2)")
    add("--require-sandbox", action="store_true", help="refuse to start where nothing isolates")
    add("--canvas", type=Path, metavar="CSV", help="a gradebook exported from Canvas, to be filled")
    add("--language", default="en", metavar="CODE", help="of the pages for students and on the class, such as ja (en)")
    add("--assignment", metavar="NAME", help="what the assignment is called in Canvas or Moodle")

    def run(options: Namespace) -> None:
        if not hasattr(os, "fork"):
            raise CourseError("grade runs on Linux and macOS; on Windows, run it in the Windows Subsystem for Linux")
        from bncourse.course.language import known
        from bncourse.grading import run as grading
        from bncourse.grading.grade import Options
        from bncourse.grading.sandbox.launch import Limits

        limits = Limits(options.check_seconds, options.submission_seconds, options.memory)
        more = {"require_sandbox": options.require_sandbox, "language": known(options.language)}
        chosen = Options(limits, tuple(options.exercises), **more)
        files = {"canvas_export": options.canvas, "assignment": options.assignment}
        where = {"workers": options.workers, "scheduler": options.scheduler}
        print(grading.summary(grading.grade(options.submissions, options.out, chosen, **where, **files), options.out))

    command.set_defaults(run=run)


def _release(commands: Commands) -> None:
    command = commands.add_parser("release", help="write what students receive, without answers")
    command.add_argument("out", type=Path, metavar="OUT", help="a folder, new or empty")
    explanation = "whether students can check themselves (public)"
    command.add_argument("--self-check", choices=["public", "none"], default="public", help=explanation)
    _add_chapters(command)

    def run(options: Namespace) -> None:
        from bncourse.exports import release

        release.write(options.out, options.self_check, options.chapters)
        _say(f"wrote what students receive to {shown(options.out)}")

    command.set_defaults(run=run)


def _nbgrader(commands: Commands) -> None:
    command = commands.add_parser("nbgrader", help="write a course folder for nbgrader")
    command.add_argument("out", type=Path, metavar="OUT", help="a folder, new or empty")
    _add_chapters(command)

    def run(options: Namespace) -> None:
        from bncourse.exports import nbgrader

        nbgrader.write(options.out, options.chapters)
        _say(f"wrote an nbgrader course to {shown(options.out)}")

    command.set_defaults(run=run)


def _gradescope(commands: Commands) -> None:
    command = commands.add_parser("gradescope", help="write an autograder for Gradescope")
    command.add_argument("out", type=Path, metavar="ZIP")
    _add_chapters(command)

    def run(options: Namespace) -> None:
        from bncourse.exports import gradescope

        _say(f"wrote {shown(gradescope.build(options.out, options.chapters))}: upload it as the autograder")

    command.set_defaults(run=run)


if __name__ == "__main__":
    sys.exit(main())

"""What stands around the code agrees with it: requirements, version, address, workflows, and what the guides name."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bncourse import __version__
from bncourse.authoring.sources import COLAB
from bncourse.course.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
EXTRAS = PROJECT["optional-dependencies"]
LEARN, GRADE, BOOK, TEST = PROJECT["dependencies"], EXTRAS["grade"], EXTRAS["book"], EXTRAS["test"]
SECTIONS = {"To learn": LEARN, "To grade": GRADE, "To build the site and the notebooks": BOOK}
FRAMEWORKS = (ROOT / "requirements-frameworks.txt").read_text("utf8").splitlines()
FRAMEWORKS = [line.partition(" #")[0] for line in FRAMEWORKS if not line.startswith("#")]
GUIDES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf8")


# Requirements


def lines_of(listing: str) -> list[str]:
    """The lines of a list of requirements that name one, each with its reason."""
    return [line for line in listing.splitlines() if line and not line.startswith(("#", "-"))]


def requirements(listing: str) -> list[str]:
    return [line.partition(" #")[0].strip() for line in lines_of(listing)]


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_of_the_requirements_is_what_pip_installs_for_that_purpose(heading: str) -> None:
    sections = {section.partition("\n")[0]: section for section in text("requirements.txt").split("\n\n")}
    assert requirements(sections[f"# {heading}"]) == SECTIONS[heading]


def test_the_requirements_have_no_other_section() -> None:
    assert requirements(text("requirements.txt")) == [*LEARN, *GRADE, *BOOK]
    assert requirements(text("requirements-test.txt")) == TEST
    assert "-r requirements.txt" in text("requirements-test.txt").splitlines()


def test_every_requirement_has_a_reason() -> None:
    lines = lines_of(text("requirements.txt") + text("requirements-test.txt"))
    assert [line for line in lines if not line.partition(" # ")[2].strip()] == []


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins = dict(pin.split("==") for pin in lines_of(text("constraints.txt")))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    for requirement in map(Requirement, [*LEARN, *GRADE, *BOOK, *TEST]):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


packages = cache(packages_distributions)  # reads what each installed package holds

# What a part of the repository may import: its own list, so that it runs where nothing else is installed.
PARTS = {
    "bncourse/*.py": LEARN,
    "bncourse/authoring/*.py": [*LEARN, *BOOK],
    "bncourse/course/*.py": LEARN,
    "bncourse/checking/**/*.py": LEARN,
    "bncourse/lab/**/*.py": LEARN,
    "bncourse/ledger/**/*.py": [*LEARN, *BOOK],
    "bncourse/pretraining/*.py": LEARN,
    "bncourse/publishing/**/*.py": [*LEARN, *GRADE, *BOOK, *TEST],
    "bncourse/grading/*.py": [*LEARN, *GRADE],
    "bncourse/grading/[!e]*/**/*.py": [*LEARN, *GRADE],
    "bncourse/exports/**/*.py": [*LEARN, *GRADE, *BOOK, *TEST],
    "_ext/*.py": [*LEARN, *BOOK, "languages", "ledger-directives", "ledger-tables"],  # which lie there
    "book/*.md": [*LEARN, *BOOK],
    "solutions/*.py": LEARN,
    "tests/checks/*.py": LEARN,
    "tests/mistakes/**/*.py": LEARN,
    "tests/variants/*.py": LEARN,
    "*.py": [*LEARN, *TEST],
    "tests/*.py": [*LEARN, *TEST],
    "tests/course/*.py": [*LEARN, *GRADE, *BOOK, *TEST],
    "benchmarks/*.py": [*LEARN, *GRADE, *BOOK, *TEST, *FRAMEWORKS, "frameworks-side"],  # which lies beside them
}
CODE_CELL = re.compile(r"^```\{code-cell\}.*?\n(?:---\n.*?\n---\n)?((?:(?!```).*\n)*)", re.M)
NOT_PYTHON = re.compile(r"^\s*[%!].*$|^:.*$", re.M)  # magics, and options of a cell


def code_of(path: Path) -> str:
    """A Python file, or the code cells of a page."""
    content = path.read_text("utf8")
    if path.suffix == ".py":
        return content
    return NOT_PYTHON.sub("", "\n".join(CODE_CELL.findall(content)))


def imported(code: str) -> Iterator[str]:
    """The top-level names of the modules that code imports, anywhere in it."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_imports_is_among_its_requirements(part: str) -> None:
    paths = sorted(ROOT.glob(part))
    assert paths, "this part is gone: take it off the list"
    declared, distributions = names(PARTS[part]), packages()
    undeclared = {}
    for path in paths:
        for module in set(imported(code_of(path))) - sys.stdlib_module_names - {"bncourse", "tests"}:
            # Where a module is not installed, as those for Linux alone, its own name must do.
            providers = map(canonicalize_name, distributions.get(module, [module]))
            if declared.isdisjoint(providers):
                undeclared[path.relative_to(ROOT).as_posix()] = module
    assert undeclared == {}


def test_every_module_belongs_to_a_part() -> None:
    parts = {path for part in PARTS for path in ROOT.glob(part)}
    modules = {path for folder in ("bncourse", "_ext") for path in (ROOT / folder).rglob("*.py")}
    assert modules - parts == set()


# What a runtime of Colab has of its own; the course must not touch its PyTorch.
ON_COLAB = {
    "numpy", "torch", "matplotlib", "cycler", "scipy", "scikit-learn", "scikit-image", "requests", "pytest", "ipython",
    "jupyterlab",
}  # fmt: skip


def test_on_colab_a_learner_has_all_that_the_exercises_need() -> None:
    calls = [node for node in ast.walk(ast.parse(COLAB)) if isinstance(node, ast.List)]
    (fetched,) = (
        {item.value for item in call.elts if isinstance(item, ast.Constant)}
        for call in calls
        if any(isinstance(item, ast.Constant) and item.value == "hypothesis" for item in call.elts)
    )
    assert fetched <= names(LEARN)
    assert fetched | ON_COLAB == names(LEARN)
    assert fetched.isdisjoint(ON_COLAB)


# Version and address


def test_version_and_date_are_the_same_everywhere() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    latest = re.search(r"^## \[(.+)\] - (.+)$", text("CHANGELOG.md"), re.M)
    assert latest and latest[1] == citation["version"] == __version__
    assert latest[2] == str(citation["date-released"])


def test_the_address_is_the_same_everywhere() -> None:
    address, site = CONFIG["repository"]["url"], CONFIG["html"]["baseurl"]
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["repository-code"] == PROJECT["urls"]["Source"] == address
    assert citation["url"] == PROJECT["urls"]["Course"] == site
    organisation = address.rpartition("/")[0]
    hidden = [path for folder in (".github", ".devcontainer") for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in [*hidden, *ROOT.glob("*.md")]:
        if path.suffix in (".md", ".yml", ".json"):
            for link in re.findall(rf"{organisation}[^\s)>\"']*", path.read_text("utf8")):
                assert link.startswith(address), f"{path.name}: {link}"


# Workflows and forms

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_allowed_little_and_ends(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        if "uses" not in job:
            assert job["timeout-minutes"] <= 90, name
            for step in job["steps"]:
                assert re.fullmatch(r"[\w.-]+(/[\w.-]+)+@v\d+", step.get("uses", "a/b@v1")), f"{name}: {step}"


def test_nothing_is_published_that_was_not_tested() -> None:
    workflow = yaml.safe_load(text(".github/workflows/publish.yml"))
    triggers = workflow[True]  # YAML 1.1 reads the key `on` like that
    assert set(triggers) == {"push", "workflow_dispatch"} and triggers["push"] == {"tags": ["v*"]}
    jobs = workflow["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        return set(needs).union(*map(before, needs))

    assert [name for name in jobs if name != "test" and "test" not in before(name)] == []


def test_the_oldest_versions_are_those_of_the_requirements() -> None:
    """The line of sed in the workflow, in Python: it must see every requirement, with a lower bound and no other."""
    (section,) = (part for part in text("requirements.txt").split("\n\n") if part.startswith("# To learn"))
    oldest = [re.sub(r"\s*#.*", "", line).replace(">=", "==") for line in section.splitlines()[1:]]
    assert oldest == [requirement.replace(">=", "==") for requirement in LEARN]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in oldest)
    assert "/^# To learn/,/^$/" in text(".github/workflows/test.yml")


def test_a_commit_is_formatted_by_the_ruff_that_the_tests_run() -> None:
    (hooks,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    (pin,) = (line for line in text("constraints.txt").splitlines() if line.startswith("ruff=="))
    assert hooks["rev"] == pin.replace("ruff==", "v")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_something(path: Path) -> None:
    form = yaml.safe_load(path.read_text("utf8"))
    if path.stem == "config":
        assert form["blank_issues_enabled"] is False
        return
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) >= 2
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


# What the guides name is there


@pytest.mark.parametrize("guide", [*GUIDES, "SECURITY.md", ".github/PULL_REQUEST_TEMPLATE.md"])
def test_a_guide_names_no_command_or_path_that_is_gone(guide: str) -> None:
    content = text(guide)
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.M))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z]+)", content, re.M)) <= targets
    folders = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
    made = ("_build", "work", ".venv")  # by commands
    for path in re.findall(r"`([\w.-]+/[\w./-]*)", content):
        if path.split("/")[0] in folders and not path.startswith(made) and "NN_" not in path:
            assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\((?!http|#)([^)#]+)\)", content):
        assert ((ROOT / guide).parent / path).exists(), path
    for module in re.findall(r"`(bncourse(?:\.\w+)+)", content):
        path = ROOT.joinpath(*module.split("."))
        if not path.is_dir() and not path.with_suffix(".py").is_file():
            assert f"\ndef {path.name}(" in path.parent.with_suffix(".py").read_text("utf8"), module


def test_every_room_of_the_package_is_on_the_map() -> None:
    content = text("ARCHITECTURE.md")
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "bncourse").rglob("__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}/`" not in content] == []

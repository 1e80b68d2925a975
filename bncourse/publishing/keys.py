"""What the outputs of a page follow from besides its cells: modules, reference solutions, versions of libraries."""

import ast
import hashlib
import re
from functools import cache
from importlib import metadata
from pathlib import Path

import grimp
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from bncourse.course.paths import ROOT

PACKAGE = "bncourse"
# They run the cells of every page and store what these show; the rest only renders.
RUNNERS = {canonicalize_name("ipykernel"), canonicalize_name("nbclient")}
KERNELSPEC = re.compile(r"^kernelspec:\n(?=( +)\S)", re.M)
MAGIC = re.compile(r"^\s*[%!].*$", re.M)
# On a page, mine("5.4") is the reference solution.
MINE = re.compile(r"""\bmine\(["'](\d+)\.\d+["']\)""")
QUOTED = re.compile(r"""["']([\w.-]+)["']""")
STORED = re.compile(r"""\b(SOLUTIONS|RESULTS) / ["'](\w+\.(?:ipynb|json))["']""")
FOLDERS = {"SOLUTIONS": "solutions", "RESULTS": "book/results"}


@cache
def cell_code(text: str) -> str | None:
    """The code of all cells of a page without magics; None where the page has no cells."""
    if not is_myst_markdown_notebook(text):
        return None
    cells = read_myst_markdown_notebook(text).cells
    return "\n".join(MAGIC.sub("", cell.source) for cell in cells if cell.cell_type == "code")


class PageKeys:
    """Reads the imports of the whole package once, and answers for one page after another."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.constraints = root / "constraints.txt"
        self.pins = pins(self.constraints.read_text("utf8") if self.constraints.exists() else "")
        self.distributions = metadata.packages_distributions()
        self.graph = grimp.build_graph(
            PACKAGE, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
        )
        for module in self.graph.modules:
            parent = module.rpartition(".")[0]
            if parent not in ("", PACKAGE):
                self.graph.add_import(importer=module, imported=parent)  # which Python runs first

    def keyed(self, text: str) -> str | None:
        """The text of a page with its key in the kernelspec, where the execution cache looks; None if it has none."""
        code, kernelspec = cell_code(text), KERNELSPEC.search(text)
        if code is None or kernelspec is None:
            return None
        return f"{text[: kernelspec.end()]}{kernelspec[1]}digest: {self.key(code)}\n{text[kernelspec.end() :]}"

    def key(self, code: str) -> str:
        """A digest of all that the outputs of this code follow from."""
        digest = hashlib.sha256("\n".join(self.versions(code)).encode())
        for file in self.files(code):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    def files(self, code: str) -> list[Path]:
        """The modules of the course that the code may run, the solutions and the stored results that it reads."""
        modules = {module for module in self.upstream(code) if is_ours(module)}
        paths = [self.root.joinpath(*module.split(".")) for module in modules | ({PACKAGE} if modules else set())]
        files = {path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths}
        patterns = [f"solutions/{int(chapter):02}_*.ipynb" for chapter in MINE.findall(code)]
        patterns += [f"{FOLDERS[folder]}/{name}" for folder, name in STORED.findall(code)]
        files.update(path for pattern in patterns for path in self.root.glob(pattern))
        return sorted(files)

    def versions(self, code: str) -> list[str]:
        """The pins of the libraries that the code or a module behind it imports, and of what these require.

        Also of those that it names: the status page shows `version("sphinx")` and imports nothing of it.
        """
        packages = {module for module in self.upstream(code) if not is_ours(module)}
        waiting = {canonicalize_name(name) for package in packages for name in self.distributions.get(package, ())}
        waiting |= RUNNERS | ({canonicalize_name(text) for text in QUOTED.findall(code)} & set(self.pins))
        reached: set[NormalizedName] = set()
        while waiting:
            reached |= waiting
            waiting = {name for distribution in waiting for name in requirements(distribution)} - reached
        return [f"{name}{self.pins[name]}" for name in sorted(reached & set(self.pins))]

    def upstream(self, code: str) -> set[str]:
        """Names of our modules, and of the packages of others, that the code imports at first or second hand.

        Our root imports the checks inside its functions. So it counts only where one of these is imported from it:
        `from bncourse import check` needs the checks, `from bncourse.lab import data` does not.
        """
        names = imported_names(code)
        packages = {name.split(".")[0] for name in names if not is_ours(name)}
        ours = {name if name in self.graph.modules else name.rpartition(".")[0] for name in names if is_ours(name)}
        ours &= self.graph.modules
        return packages.union(ours, *(self.graph.find_upstream_modules(module) for module in ours))


def is_ours(module: str) -> bool:
    return module.split(".")[0] == PACKAGE


def imported_names(code: str) -> set[str]:
    """Dotted names of modules that the code imports, or of what it imports from modules."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return set()  # the cell fails when it runs, and says so better
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def pins(constraints: str) -> dict[NormalizedName, str]:
    """{normalised name: version} of a file of constraints, "==1.26" for instance."""
    lines = (line.partition("#")[0].strip() for line in constraints.splitlines())
    requirements = (Requirement(line) for line in lines if line)
    return {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in requirements}


@cache
def requirements(distribution: str) -> frozenset[NormalizedName]:
    """Normalised names of what an installed distribution requires here, without its extras."""
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return frozenset()
    required = (Requirement(line) for line in lines)
    return frozenset(
        canonicalize_name(requirement.name)
        for requirement in required
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    )

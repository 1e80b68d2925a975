"""Pages whose cells have no stored outputs are executed before Sphinx reads them, one after another by whoever is free.

Sphinx itself deals them out in fixed shares, and who is done with its own waits.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_client import KernelManager
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode

from bncourse.publishing import pictures


@dataclass(frozen=True)
class Page:
    """A page and its text, with the key of what its outputs follow from in the front matter."""

    path: Path
    text: str


def open_cache(folder: Path) -> None:
    """Create the database of the cache in `folder`; several processes at once would each try to."""
    _ = get_cache(folder).db


def without_outputs(pages: list[Page], cache: Path) -> list[Page]:
    """Those of the pages that have to be executed."""
    stored = get_cache(cache)

    def is_missing(page: Page) -> bool:
        try:
            stored.match_cache_notebook(read_myst_markdown_notebook(page.text))
        except KeyError:
            return True
        return False

    return list(filter(is_missing, pages))


def executed(page: Page, cache: Path) -> NotebookNode:
    """The page with the outputs that are stored for it; KeyError if there are none."""
    notebook: NotebookNode = get_cache(cache).merge_match_into_notebook(read_myst_markdown_notebook(page.text))[1]
    return notebook


def execute(pages: list[Page], cache: Path, processes: int, timeout: int) -> Iterator[tuple[Page, str]]:
    """Execute the pages in order, `processes` at a time; yield each as it is done, and what came of it."""
    context = get_context("fork" if "fork" in get_all_start_methods() else "spawn")  # as Sphinx does: quick to start
    with ProcessPoolExecutor(processes, context, initializer=quiet_kernels) as pool:
        tasks = {pool.submit(execute_page, page, cache, timeout): page for page in pages}
        try:
            for task in as_completed(tasks):
                yield tasks[task], task.result()
        except BrokenProcessPool:  # too little memory for so many at a time: Sphinx executes the rest as it reads
            return
        finally:
            pool.shutdown(cancel_futures=True)


def execute_page(page: Page, cache: Path, timeout: int) -> str:
    """Run the cells of a page in an empty folder and keep their outputs, unless one fails; say what came of it.

    Its figures are made light here, once, and not by each build that shows them.
    """
    notebook = read_myst_markdown_notebook(page.text)
    with TemporaryDirectory() as folder:
        result = single_nb_execution(notebook, cwd=folder, timeout=timeout, allow_errors=False)
    if result.err is not None:
        return f"failed after {result.time:.0f} s: {str(result.err).strip().splitlines()[-1]}"
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if picture := output.get("data", {}).get("image/png"):
                light = pictures.light(b64decode(picture))
                output["data"]["image/png"] = b64encode(light).decode()
    bundle = CacheBundleIn(notebook, str(page.path), data={"execution_seconds": result.time})
    get_cache(cache).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return f"executed in {result.time:.0f} s"


def quiet_kernels() -> None:
    """Encrypt the messages of kernels where that is possible: off by default, and each kernel warns of that."""
    if hasattr(KernelManager, "transport_encryption"):
        KernelManager.transport_encryption.default_value = "auto"

"""What several tests of the course share."""

import json

import pytest

from bncourse.paths import EXERCISES

# Files whose tests share something that takes long to make: side by side, one process runs all of such a file.
TOGETHER = ("test_site", "test_grading_hostile", "test_grading_nbgrader", "test_grading_gradescope", "test_ledger")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The tests that share the most go first, and to one process each."""
    for item in items:
        if item.path.stem in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: TOGETHER.index(item.path.stem) if item.path.stem in TOGETHER else len(TOGETHER))


@pytest.fixture
def notebook(tmp_path):
    """notebook("03_normalize", {"ex-3-1": source}) writes a notebook filled in like that; None deletes a cell."""

    def fill(chapter, cells, name=None):
        content = json.loads((EXERCISES / f"{chapter}.ipynb").read_text(encoding="utf-8"))
        content["cells"] = [cell for cell in content["cells"] if cells.get(cell["id"], "") is not None]
        for cell in content["cells"]:
            cell["source"] = cells.get(cell["id"], cell["source"])
        path = tmp_path / (name or f"{chapter}.ipynb")
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return fill

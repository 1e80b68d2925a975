"""What several tests of the course share."""

import json

import pytest

from bncourse.paths import EXERCISES


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

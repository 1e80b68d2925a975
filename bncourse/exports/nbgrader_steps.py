"""Steps of nbgrader's autograde, named in nbgrader_config.py. Only nbgrader imports this module."""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from bncourse.course import cells
from bncourse.exports.nbgrader import feedback

Resources = dict[str, Any]


class PutBackCells(NbGraderPreprocessor):
    """Every cell that nbgrader looks for is there once, whatever the student deleted, copied or renamed."""

    def preprocess(self, notebook: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            source = gradebook.find_notebook(names["notebook"], names["assignment"])
            wanted = {cell.name: (cell.cell_type, cell.source, _metadata(source, cell)) for cell in source.source_cells}
        by_name = {}
        for cell in notebook.cells:
            by_name[cells.name_of(cell)] = cell
            cell.metadata.pop("nbgrader", None)
        for name, (kind, text, metadata) in wanted.items():
            if name not in by_name:
                by_name[name] = getattr(v4, f"new_{kind}_cell")(text, id=name)
                notebook.cells.append(by_name[name])
            by_name[name].metadata["nbgrader"] = metadata
        return notebook, resources


def _metadata(source: Any, cell: Any) -> dict[str, object]:
    points = {graded.name: graded.max_score for graded in source.grade_cells}
    solutions = {solution.name for solution in source.solution_cells}
    return {
        "grade_id": cell.name, "checksum": cell.checksum, "cell_type": cell.cell_type, "schema_version": 3,
        "grade": cell.name in points, "solution": cell.name in solutions, "locked": cell.locked, "task": False,
        **({"points": points[cell.name]} if cell.name in points else {}),
    }  # fmt: skip


class GradeInSandbox(NbGraderPreprocessor):
    """Instead of running the notebook: each check cell gets the report on its exercise, and its points as value."""

    def preprocess(self, notebook: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        names = resources["nbgrader"]
        course = self.parent.parent.coursedir
        folder = course.format_path(course.submitted_directory, names["student"], names["assignment"])
        reports = feedback(Path(folder) / f"{names['notebook']}.ipynb")
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if grade_id.startswith("check-"):
                nothing = {"points": 0, "text": "no answers found", "html": "<p>no answers found</p>"}
                report = reports.get(grade_id.removeprefix("check-").replace("-", "."), nothing)
                shown = {"text/plain": report["text"], "text/html": report["html"]}
                value = {"text/plain": str(report["points"])}
                cell.outputs = [v4.new_output("display_data", shown), v4.new_output("execute_result", value)]
        return notebook, resources

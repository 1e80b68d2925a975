"""Steps of nbgrader's autograde, named in nbgrader_config.py. Only nbgrader imports this module."""

from pathlib import Path

from nbformat import v4
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from bncourse import cells
from bncourse.grading.nbgrader import told


class PutBackCells(NbGraderPreprocessor):
    """Every cell that nbgrader looks for is there once, whatever the student deleted, copied or renamed."""

    def preprocess(self, notebook, resources):
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            source = gradebook.find_notebook(names["notebook"], names["assignment"])
            wanted = {cell.name: (cell.cell_type, cell.source, _metadata(source, cell)) for cell in source.source_cells}
        found = {}
        for cell in notebook.cells:
            found[cells.name_of(cell)] = cell
            cell.metadata.pop("nbgrader", None)
        for name, (kind, text, metadata) in wanted.items():
            if name not in found:
                found[name] = getattr(v4, f"new_{kind}_cell")(text, id=name)
                notebook.cells.append(found[name])
            found[name].metadata["nbgrader"] = metadata
        return notebook, resources


def _metadata(source, cell):
    points = {graded.name: graded.max_score for graded in source.grade_cells}
    solutions = {solution.name for solution in source.solution_cells}
    return {
        "grade_id": cell.name, "checksum": cell.checksum, "cell_type": cell.cell_type, "schema_version": 3,
        "grade": cell.name in points, "solution": cell.name in solutions, "locked": cell.locked, "task": False,
        **({"points": points[cell.name]} if cell.name in points else {}),
    }  # fmt: skip


class GradeInSandbox(NbGraderPreprocessor):
    """Instead of running the notebook: each check cell gets the report on its exercise, and its points as value."""

    def preprocess(self, notebook, resources):
        names = resources["nbgrader"]
        course = self.parent.parent.coursedir
        folder = course.format_path(course.submitted_directory, names["student"], names["assignment"])
        found = told(Path(folder) / f"{names['notebook']}.ipynb")
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if grade_id.startswith("check-"):
                nothing = {"points": 0, "text": "no answers found", "html": "<p>no answers found</p>"}
                told_of = found.get(grade_id.removeprefix("check-").replace("-", "."), nothing)
                report = {"text/plain": told_of["text"], "text/html": told_of["html"]}
                value = {"text/plain": str(told_of["points"])}
                cell.outputs = [v4.new_output("display_data", report), v4.new_output("execute_result", value)]
        return notebook, resources

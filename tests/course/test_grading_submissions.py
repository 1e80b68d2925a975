"""Finding submissions as people and learning platforms lay them out."""

import hashlib
import io
import os
import time
import unicodedata
import zipfile
from pathlib import Path

import pytest

from bncourse.course.errors import CourseError
from bncourse.grading.handed_in import platforms, submissions, trees

NOTEBOOK = b'{"cells": []}'
LOVELACE = "Ada Lovelace_1234567_assignsubmission_file_"


@pytest.fixture
def tree(tmp_path):
    """tree({"alice/03.ipynb": content}) writes files below a folder; None makes a folder, a dict a zip."""

    def write(files, root=tmp_path / "class"):
        root.mkdir(exist_ok=True)
        files = files if isinstance(files, dict) else dict.fromkeys(files, NOTEBOOK)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir()
            else:
                path.write_bytes(zipped(content) if isinstance(content, dict) else content)
        return root

    return write


def zipped(files):
    """The bytes of a zip of {name: content}; None makes a folder, a dict a zip in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            name = name if content is not None else f"{name}/"
            archive.writestr(name, zipped(content) if isinstance(content, dict) else content or b"")
    return buffer.getvalue()


def students(folder):
    """{student: names of the notebooks}"""
    return {one.student: list(one.read().files) for one in submissions.find(folder)}


def only(folder):
    (one,) = submissions.find(folder)
    return one


# Layouts


def test_one_folder_a_student_with_notebooks_anywhere_below(tree):
    folder = tree(["alice/03_normalize.ipynb", "bob/deep/er/03_normalize.ipynb", "bob/04_scale_shift.ipynb"])
    assert students(folder) == {
        "alice": ["03_normalize.ipynb"],
        "bob": ["04_scale_shift.ipynb", "deep/er/03_normalize.ipynb"],
    }
    assert [one.source for one in submissions.find(folder)] == ["alice", "bob"]


def test_hidden_folders_checkpoints_and_stray_files_are_not_read(tree):
    ignored = (".ipynb_checkpoints/03.ipynb", ".git/03.ipynb", "._03.ipynb", "__MACOSX/03.ipynb", "data.csv")
    folder = tree(["alice/03.ipynb", *(f"alice/{name}" for name in ignored)])
    one = only(folder).read()
    assert list(one.files) == ["03.ipynb"]
    assert one.problems == []


def test_stray_files_are_no_submissions(tree):
    folder = tree(
        ["alice/03.ipynb", "README.md", "grades.csv", ".DS_Store", "__MACOSX/x.ipynb", ".git/config", "a.pdf"]
    )
    assert list(students(folder)) == ["alice"]


def test_one_zip_a_student(tree):
    folder = tree({"alice.zip": {"03_normalize.ipynb": NOTEBOOK}, "bob.ZIP": {"work/deep/04.ipynb": NOTEBOOK}})
    assert students(folder) == {"alice": ["03_normalize.ipynb"], "bob": ["work/deep/04.ipynb"]}


@pytest.mark.parametrize(
    "names",
    [
        ["alice_03_normalize", "alice_04_scale_shift"],
        ["03_normalize_alice", "alice-04-scale-shift"],
        ["alice_03_normalize (1)", "alice 4 Scale Shift - Copy2"],
        ["alice_03_normalize_final", "alice"],
    ],
)
def test_loose_notebooks_are_grouped_by_what_is_left_without_the_chapter(tree, names):
    folder = tree([f"{name}.ipynb" for name in [*names, "bob_03_normalize"]])
    found = students(folder)
    assert list(found) == ["alice", "bob"]
    assert sorted(found["alice"]) == sorted(f"{name}.ipynb" for name in names)


def test_names_that_only_look_like_a_chapter_stay_whole(tree):
    names = ["12345_03_normalize.ipynb", "alice_12345_03_normalize.ipynb", "103_normalize.ipynb", "03_normalized.ipynb"]
    assert list(students(tree(names))) == ["03_normalized", "103_normalize", "12345", "alice_12345"]


def test_loose_notebooks_of_nobody_are_the_folder_owners(tree):
    one = only(tree(["03_normalize.ipynb", "04_scale_shift.ipynb"]))
    assert (one.student, len(one.paths)) == ("class", 2)
    assert one.notes == ("the files' names do not say whose they are",)


def test_loose_notebooks_of_nobody_that_share_a_chapter_are_not_thrown_together(tree):
    found = students(tree(["03_normalize.ipynb", "03_normalize (1).ipynb", "bob_03_normalize.ipynb"]))
    assert list(found) == ["03_normalize", "03_normalize (1)", "bob"]


def test_gradescope_export(tree):
    names = """submission_1:
  :submitters:
  - :name: Grace Hopper
    :sid: '007'
    :email: grace@example.edu
  :created_at: 2024-02-30 25:00:00.000000000 Z
  :score: !ruby/object:BigDecimal 18:0.1e2
submission_2:
  :submitters:
  - :name: Ada Lovelace
    :sid:
    :email: ada@example.edu
  - :name: Alan Turing
    :email: alan@example.edu
submission_3:
  :submitters:
  - :name: José
submission_4:
  :submitters: []
"""
    files = {"submission_metadata.yml": names.encode(), "submission_4": None, "submission_5": None}
    folder = tree(files | {f"submission_{i}/03_normalize.ipynb": NOTEBOOK for i in (1, 2)})
    found = {one.student: one for one in submissions.find(folder)}
    assert list(found) == ["Ada Lovelace", "Alan Turing", "Grace Hopper", "José", "submission_4", "submission_5"]
    assert found["Grace Hopper"].ids == {"email": "grace@example.edu", "sid": "007"}
    assert found["Ada Lovelace"].ids == {"email": "ada@example.edu"}
    assert found["Ada Lovelace"].paths == found["Alan Turing"].paths
    assert found["Alan Turing"].notes == ("handed in together with Ada Lovelace",)
    assert found["José"].notes == ("submission_3 is not in the export",)
    assert found["José"].read().problems == ["no notebook in it"]
    assert found["Grace Hopper"].source == "submission_1"


@pytest.mark.parametrize("names", [b"", b"- a list", b"{", b"a: 1", b"\xff\xfe\x00", b"a: !!python/name:os.system x"])
def test_gradescope_folders_are_found_without_the_names(tree, names):
    one = only(tree({"submission_metadata.yml": names, "submission_1/03.ipynb": NOTEBOOK}))
    assert one.student == "submission_1"
    assert "the names in submission_metadata.yml could not be read" in one.notes[0]


def test_canvas_download(tree):
    folder = tree(
        {
            "lovelaceada_1234_56789_03_normalize.ipynb": b"1",
            "lovelaceada_1234_56790_04_scale_shift.ipynb": b"2",
            "müllerjürgen_LATE_1235_56791_work.zip": {"03_normalize.ipynb": b"3"},
            "o_brien_1236_56792_report.pdf": b"4",
            "smith_1237_text.html": b"5",
        }
    )
    found = {one.student: one for one in submissions.find(folder)}
    assert list(found) == ["lovelaceada_1234", "müllerjürgen_1235", "o_brien_1236", "smith_1237"]
    assert found["lovelaceada_1234"].read().files == {"03_normalize.ipynb": b"1", "04_scale_shift.ipynb": b"2"}
    assert (found["lovelaceada_1234"].name, found["lovelaceada_1234"].ids) == ("lovelaceada", {"canvas": "1234"})
    assert found["lovelaceada_1234"].source == "lovelaceada_1234_56789_03_normalize.ipynb and 1 more"
    assert found["müllerjürgen_1235"].notes == ("late, says Canvas",)
    assert found["o_brien_1236"].read().problems == ["no notebook in it, only report.pdf"]


def test_of_what_was_handed_in_again_on_canvas_the_latest_counts(tree):
    suffixes = ["", "-1", "-2", "-10"]
    folder = tree({f"ada_12_{500 + i}_03_normalize{end}.ipynb": end.encode() for i, end in enumerate(suffixes)})
    one = only(folder)
    assert one.read().files == {"03_normalize-10.ipynb": b"-10"}
    assert "03_normalize-2.ipynb was handed in again as 03_normalize-10.ipynb, which counts" in one.notes


def test_of_two_uploads_of_one_name_on_canvas_the_later_counts(tree):
    folder = tree({"ada_12_999_03_normalize.ipynb": b"old", "ada_12_1001_03_normalize.ipynb": b"new"})
    assert only(folder).read().files == {"03_normalize.ipynb": b"new"}


def test_a_students_own_numbers_on_canvas_are_not_taken_for_attempts(tree):
    folder = tree(["ada_12_500_task-1.ipynb", "ada_12_501_task-2.ipynb"])
    assert students(folder) == {"ada_12": ["task-1.ipynb", "task-2.ipynb"]}


def test_anonymous_canvas_download(tree):
    folder = tree(["anon_x8F2k_56789_03_normalize.ipynb", "LATE_anon_12345_56790_03_normalize.ipynb"])
    found = submissions.find(folder)
    assert [one.student for one in found] == ["anon_12345", "anon_x8F2k"]
    assert [one.ids for one in found] == [{}, {}]
    assert found[0].notes == ("late, says Canvas",)


def test_moodle_folders(tree):
    folder = tree(
        {
            f"{LOVELACE}/03_normalize.ipynb": b"1",
            f"{LOVELACE}/work.zip": {"04_scale_shift.ipynb": b"2"},
            "Ada Lovelace_1234567_assignsubmission_onlinetext_/onlinetext.html": b"3",
            "Jürgen von Müller_1234568_assignsubmission_file/sub/03_normalize.ipynb": b"4",
            "Default group_assignsubmission_file_/03_normalize.ipynb": b"5",
        }
    )
    found = {one.student: one for one in submissions.find(folder)}
    assert list(found) == ["Ada Lovelace_1234567", "Default group", "Jürgen von Müller_1234568"]
    ada = found["Ada Lovelace_1234567"]
    assert (ada.name, ada.ids) == ("Ada Lovelace", {"moodle": "1234567"})
    assert ada.read().files == {"03_normalize.ipynb": b"1", "work.zip/04_scale_shift.ipynb": b"2"}
    assert found["Default group"].ids == {}


def test_moodle_files(tree):
    folder = tree(
        {
            f"{LOVELACE}03_normalize.ipynb": b"1",
            f"{LOVELACE}04_scale_shift.ipynb": b"2",
            "Alan Turing_1234568_assignsubmission_file_work.zip": {"03_normalize.ipynb": b"3"},
        }
    )
    found = {one.student: one.read().files for one in submissions.find(folder)}
    assert found == {
        "Ada Lovelace_1234567": {"03_normalize.ipynb": b"1", "04_scale_shift.ipynb": b"2"},
        "Alan Turing_1234568": {"03_normalize.ipynb": b"3"},
    }


def test_anonymous_moodle_submissions_are_not_called_by_one_name(tree):
    folder = tree([f"Participant_{i}_assignsubmission_file_/03.ipynb" for i in (11, 12, 13)])
    assert [(one.name, one.notes) for one in submissions.find(folder)] == [
        (f"Participant_{i}", ()) for i in (11, 12, 13)
    ]


@pytest.mark.parametrize("given", ["", "submitted"])
def test_nbgrader(tree, given):
    folder = tree(
        [
            "submitted/ada/ps1/03_normalize.ipynb",
            "submitted/ada/ps2/04_scale_shift.ipynb",
            "submitted/ada/ps1/timestamp.txt",
            "submitted/bob/ps1/03_normalize.ipynb",
            "source/ps1/03_normalize.ipynb",
            "autograded/ada/ps1/03_normalize.ipynb",
            "nbgrader_config.py",
        ]
    )
    assert students(folder / given) == {
        "ada": ["ps1/03_normalize.ipynb", "ps2/04_scale_shift.ipynb"],
        "bob": ["ps1/03_normalize.ipynb"],
    }


def test_layouts_may_be_mixed(tree):
    folder = tree(
        {
            "anna/03.ipynb": NOTEBOOK,
            "bob.zip": {"03.ipynb": NOTEBOOK},
            "cleo_03_normalize.ipynb": NOTEBOOK,
            "dora_12_345_03.ipynb": NOTEBOOK,
            f"{LOVELACE}/03.ipynb": NOTEBOOK,
            "submission_9/03.ipynb": NOTEBOOK,
            "submission_metadata.yml": b"submission_9:\n  :submitters:\n  - :name: Emil\n",
        }
    )
    assert list(students(folder)) == ["Ada Lovelace_1234567", "anna", "bob", "cleo", "dora_12", "Emil"]


@pytest.mark.parametrize("inner", ["", "export/"])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["ada/03.ipynb", "bob/deep/03.ipynb"], {"ada": ["03.ipynb"], "bob": ["deep/03.ipynb"]}),
        ({"ada.zip": {"w/03.ipynb": b"1"}, "bob.zip": {}}, {"ada": ["w/03.ipynb"], "bob": []}),
        (["ada_03_normalize.ipynb", "bob.ipynb"], {"ada": ["ada_03_normalize.ipynb"], "bob": ["bob.ipynb"]}),
        (["ada_12_345_03.ipynb"], {"ada_12": ["03.ipynb"]}),
        ([f"{LOVELACE}/03.ipynb"], {"Ada Lovelace_1234567": ["03.ipynb"]}),
        (["submitted/ada/ps1/03.ipynb", "source/ps1/03.ipynb"], {"ada": ["ps1/03.ipynb"]}),
        (
            {
                "submission_metadata.yml": b"submission_9:\n  :submitters:\n  - :name: Eva\n",
                "submission_9/a.ipynb": b"1",
            },
            {"Eva": ["a.ipynb"]},
        ),
    ],
)
def test_the_zip_of_a_class_is_read_where_it_lies(tmp_path, inner, files, expected):
    files = files if isinstance(files, dict) else dict.fromkeys(files, NOTEBOOK)
    archive = tmp_path / "export.zip"
    archive.write_bytes(zipped({"__MACOSX/._x": b""} | {inner + name: content for name, content in files.items()}))
    assert students(archive) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]


def test_a_folder_around_an_export_is_looked_through(tree):
    assert list(students(tree(["download/ada_12_345_03.ipynb", "README.md"]))) == ["ada_12"]


def test_names_in_a_zip_without_the_mark_of_utf8_are_read_as_utf8(tmp_path):
    data = zipped({"Jxxrgen/03.ipynb": NOTEBOOK, "Bob/03.ipynb": NOTEBOOK})
    archive = tmp_path / "mac.zip"
    archive.write_bytes(data.replace(b"Jxxrgen", "Jürgen".encode()))
    assert list(students(archive)) == ["Bob", "Jürgen"]


def test_one_students_zip_is_one_submission(tmp_path):
    archive = tmp_path / "alice.zip"
    archive.write_bytes(zipped({"03_normalize.ipynb": NOTEBOOK, "04_scale_shift.ipynb": NOTEBOOK}))
    assert students(archive) == {"alice": ["03_normalize.ipynb", "04_scale_shift.ipynb"]}


def test_a_lone_folder_that_may_hold_the_class_is_a_student_with_a_note(tree):
    one = only(tree(["submissions/alice/03.ipynb", "submissions/bob/03.ipynb"]))
    assert one.student == "submissions"
    assert one.notes == ("the only folder here: if it holds a class, name that folder instead",)
    assert only(tree(["carol/03_normalize.ipynb"], tree([]).parent / "other")).notes == ()


# Names


def test_no_name_takes_long_to_look_at(tree):
    names = ["03_normalize" + "1" * 200 + "x", "03_normalize" + "copy 1" * 35 + "x", "a" + "_1" * 110, "a_" + "9" * 200]
    names += ["1-1 - " + "a - " * 40 + "2026" * 15 + "-", "a_" * 80 + "attempt_2026-11-02-10-30"]
    begun = time.monotonic()
    assert len(students(tree([f"{name}.ipynb" for name in names]))) == 6
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("pattern", platforms.ATTEMPTS)
@pytest.mark.parametrize("part", ["a - ", "2026", "a_", "1-1 - 2", "_attempt_2026-11-02"])
def test_no_name_in_a_zip_takes_long_to_match(pattern, part):
    name = "1-1 - " + part * (20_000 // len(part)) + "-"
    begun = time.monotonic()
    pattern.fullmatch(name)
    assert time.monotonic() - begun < 1


def test_two_students_with_one_name_get_keys_of_their_own_and_a_note_each(tree):
    folder = tree(
        {"Anna/03.ipynb": b"1", "Anna.zip": {"03.ipynb": b"2"}, "Anna (2)/03.ipynb": b"3", "Anna.ipynb": b"4"}
    )
    found = submissions.find(folder)
    assert [one.student for one in found] == ["Anna", "Anna (2)", "Anna (3)", "Anna (4)"]
    assert found[0].notes == ("3 submissions are called Anna; this one is Anna",)
    assert found[2].notes == ("3 submissions are called Anna; this one is Anna (3)",)
    assert found[1].notes == ()
    assert len({one.read().digest for one in found}) == 4


def test_two_students_with_one_name_on_a_platform_are_told_apart_by_number(tree):
    found = submissions.find(tree(["smithanna_12_345_03.ipynb", "smithanna_13_346_03.ipynb", "x_14_347_03.ipynb"]))
    assert [one.student for one in found] == ["smithanna_12", "smithanna_13", "x_14"]
    assert found[1].notes == ("2 submissions are called smithanna; this one is smithanna_13",)


def test_names_are_composed_and_may_be_long_or_in_any_script(tree):
    decomposed = unicodedata.normalize("NFD", "Jürgen Müller")
    long = "ж" * 120
    folder = tree([f"{decomposed}/03.ipynb", f"{long}/03.ipynb", "李小龍_03_normalize.ipynb", "x" * 200 + ".ipynb"])
    assert list(students(folder)) == ["Jürgen Müller", "x" * 200, long, "李小龍"]


def test_names_that_are_no_text_fit_into_one_line_of_utf8(tree):
    folder = tree(["ok/03.ipynb"])
    for name in (b"caf\xe9", b"two\nlines", b"caf\xe8"):
        os.mkdir(os.path.join(os.fsencode(folder), name))
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name, b"n\n\xff.ipynb"))).write_bytes(NOTEBOOK)
    found = students(folder)
    assert list(found) == ["caf\ufffd", "caf\ufffd (2)", "ok", "two\ufffdlines"]
    assert found["caf\ufffd (2)"] == ["n\ufffd\ufffd.ipynb"]


def test_a_very_long_name_in_a_zip_is_shortened_where_it_is_shown(tmp_path):
    archive = tmp_path / "all.zip"
    archive.write_bytes(zipped({f"{'a' * 60_000}/x.ipynb": b"1", f"{'b' * 60_000}.ipynb": b"2"}))
    assert [(len(one.student), len(one.read().files)) for one in submissions.find(archive)] == [(200, 1), (200, 1)]


def test_the_order_does_not_depend_on_the_disk(tree, monkeypatch):
    folder = tree(["b/1.ipynb", "a/1.ipynb", "a.zip", "c_03_normalize.ipynb", "c_04_scale_shift.ipynb"])
    first = submissions.find(folder)
    children = trees.OnDisk.children
    monkeypatch.setattr(trees.OnDisk, "children", lambda node: children(node)[::-1])
    assert submissions.find(folder) == first


def test_no_such_folder_and_no_submissions_are_told_in_one_line(tmp_path, tree):
    with pytest.raises(CourseError, match="no such folder: .*nowhere; name the folder or zip"):
        submissions.find(tmp_path / "nowhere")
    with pytest.raises(CourseError, match="no submissions in .*class: it holds no student's folder, zip or notebook"):
        submissions.find(tree(["README.md"]))
    with pytest.raises(CourseError, match="README.md: not a zip, or damaged; name the folder"):
        submissions.find(tmp_path / "class" / "README.md")


def test_a_class_of_a_thousand_is_found_and_read_quickly(tmp_path):
    archive = tmp_path / "export.zip"
    notebook = hashlib.sha256(b"x").digest() * 500
    archive.write_bytes(zipped({f"smith{i}_{i}_{i + 5000}_03_normalize.ipynb": notebook for i in range(1000)}))
    begun = time.monotonic()
    found = submissions.find(archive)
    assert len(found) == 1000
    assert all(one.read().files for one in found[::50])
    assert time.monotonic() - begun < 3

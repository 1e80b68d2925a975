"""A file is written whole or not at all."""

import os

import pytest

from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole


@pytest.mark.parametrize("content", ["μ\nσ²\r\n", b"\x00\xff\n"])
def test_content_is_written_byte_for_byte(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text("before")
    write_whole(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode("utf-8"))
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_another_encoding_can_be_asked_for(tmp_path):
    write_whole(tmp_path / "grades.csv", "é", encoding="utf-8-sig")
    assert (tmp_path / "grades.csv").read_bytes() == b"\xef\xbb\xbf\xc3\xa9"


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text("before")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CourseError, match=r"cannot write .*notes\.txt: No space left on device$"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_folder_that_is_missing_is_told_in_one_line(tmp_path):
    with pytest.raises(CourseError, match=r"cannot write .*notes\.txt: No such file or directory$"):
        write_whole(tmp_path / "absent" / "notes.txt", "text")

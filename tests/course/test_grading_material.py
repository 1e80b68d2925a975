"""Reading what strangers hand in: nothing is followed, believed, held beyond a limit, or lost without a word."""

import io
import os
import socket
import stat
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from bncourse.grading.handed_in import material, submissions, trees

NOTEBOOK = b'{"cells": []}'


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


def entry(name, mode=0o644, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, method
    return info


def only(folder):
    (one,) = submissions.find(folder)
    return one


# Folders


def test_an_empty_folder_is_a_submission_without_notebooks(tree):
    found = submissions.find(tree({"alice": None, "bob/report.pdf": b"", "carol.rar": b""}))
    assert [one.read().problems for one in found] == [
        ["no notebook in it"],
        ["no notebook in it, only report.pdf"],
        ["no notebook in it, only carol.rar"],
    ]


def test_the_digest_tells_names_contents_and_problems_apart(tree):
    trees_of_students = [{"a.ipynb": b"1"}, {"a.ipynb": b"2"}, {"b.ipynb": b"1"}, {"a.ipynb": b"1", "w.zip": b""}, {}]
    folder = tree({f"{i}/{name}": data for i, files in enumerate(trees_of_students) for name, data in files.items()})
    (folder / "4").mkdir()
    digests = [one.read().digest for one in submissions.find(folder)]
    assert len(set(digests)) == 5
    assert digests == [one.read().digest for one in submissions.find(folder)]
    assert {len(digest) for digest in digests} == {16}


def good_and(tree, bad, **more):
    """The material of a student whose good.ipynb lies beside something bad."""
    folder = tree({"alice/good.ipynb": NOTEBOOK})
    bad(folder / "alice")
    result = only(folder).read()
    assert result.files == {"good.ipynb": NOTEBOOK}
    return result.problems


def test_links_are_not_followed(tree, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.ipynb").write_bytes(b"secret")
    (tmp_path / "s.zip").write_bytes(zipped({"s.ipynb": b"secret"}))

    def links(folder):
        (folder / "sub").mkdir()
        (folder / "sub" / "file.ipynb").symlink_to(secret / "s.ipynb")
        (folder / "folder").symlink_to(secret)
        (folder / "loop").symlink_to(folder)
        (folder / "dangling.ipynb").symlink_to(tmp_path / "nothing")
        (folder / "zip.zip").symlink_to(tmp_path / "s.zip")

    assert sorted(good_and(tree, links)) == [
        f"a link was not followed: {name}" for name in ("dangling.ipynb", "folder", "loop", "sub/file.ipynb", "zip.zip")
    ]


def test_a_submission_that_is_a_link_is_not_followed(tree, tmp_path):
    folder = tree({"ok/03.ipynb": NOTEBOOK})
    (folder / "mallory").symlink_to(tmp_path)
    (folder / "oscar_03_normalize.ipynb").symlink_to("/etc/passwd")
    (folder / "peggy.zip").symlink_to("/etc/passwd")
    found = {one.student: one.read() for one in submissions.find(folder)}
    assert found.pop("ok").problems == []
    assert [one.problems for one in found.values()] == [
        ["a link was not followed: mallory"],
        ["a link was not followed: oscar_03_normalize.ipynb"],
        ["a link was not followed: peggy.zip"],
    ]


def test_pipes_and_sockets_do_not_block(tree, monkeypatch):
    def special(folder):
        os.mkfifo(folder / "pipe.ipynb")
        os.mkfifo(folder / "pipe.zip")
        monkeypatch.chdir(folder)  # the name of a socket must be short
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("socket.ipynb")

    begun = time.monotonic()
    assert good_and(tree, special) == [
        f"not a regular file: {name}" for name in ("pipe.ipynb", "pipe.zip", "socket.ipynb")
    ]
    assert time.monotonic() - begun < 1


def test_a_device_is_not_opened(tree):
    found = {node.name: node for node in trees.OnDisk(Path("/dev")).children()}["zero"]
    assert found.refusal == trees.IRREGULAR
    with pytest.raises(trees.Unreadable):
        found.open()

    def device(folder):
        os.mknod(folder / "zero.ipynb", 0o666 | stat.S_IFCHR, os.makedev(1, 5))

    if os.geteuid() == 0:  # nobody else makes devices
        assert good_and(tree, device) == ["not a regular file: zero.ipynb"]


@pytest.mark.parametrize("swap", [os.mkfifo, lambda path: os.symlink("/etc/passwd", path), os.mkdir])
def test_a_file_that_turns_into_something_else_before_it_is_opened_is_refused(tmp_path, swap):
    path = tmp_path / "03.ipynb"
    path.write_bytes(NOTEBOOK)
    node = trees.OnDisk(path)
    path.unlink()
    swap(path)
    with pytest.raises((OSError, trees.Unreadable)), node.open() as file:
        file.read()


def test_a_file_over_100_megabytes_is_refused_unread(tree):
    def large(folder):
        with open(folder / "large.ipynb", "wb") as file:
            file.truncate(1 << 40)
        with open(folder / "large.zip", "wb") as file:
            file.truncate(100_000_001)

    assert good_and(tree, large) == ["larger than 100 MB: large.ipynb", "larger than 100 MB: large.zip"]


def test_a_file_that_grows_while_it_is_read_is_cut_off(tree, monkeypatch):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return bytes(size)

    monkeypatch.setattr(trees.OnDisk, "open", lambda node: Endless())
    one = only(tree(["alice/03.ipynb"])).read()
    assert (one.files, one.problems) == ({}, ["larger than 100 MB: 03.ipynb"])


def test_more_than_120_megabytes_in_all_are_not_held(tree, monkeypatch):
    monkeypatch.setattr(material, "MOST_IN_ALL", 1000)
    one = only(tree({f"alice/{i}.ipynb": bytes(400) for i in range(4)})).read()
    assert list(one.files) == ["0.ipynb", "1.ipynb"]
    assert one.problems == [f"more than 0 MB in all: {i}.ipynb" for i in (2, 3)]


def test_more_than_1000_entries_in_a_folder_are_not_read(tree):
    def flood(folder):
        (folder / "flood").mkdir()
        for i in range(1000):
            (folder / "flood" / f"{i}.ipynb").touch()

    assert good_and(tree, flood) == ["more than 1,000 entries: flood/"]


@pytest.mark.parametrize(
    ("name", "depth", "problem"),
    [("d", 120, "more than 1,000 entries: d/d/"), ("d" * 200, 30, "cannot be read (file name too long): ddd")],
)
def test_folders_without_end_come_to_an_end(tree, monkeypatch, name, depth, problem):
    def nest(folder):
        monkeypatch.setattr(trees, "MOST_ENTRIES", 100)
        path = os.open(folder, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=path)
            path, above = os.open(name, os.O_RDONLY, dir_fd=path), path
            os.close(above)
        os.close(path)

    (reported,) = good_and(tree, nest)
    assert reported.startswith(problem.replace("1,000", "100"))
    assert len(reported) < 300


def test_what_may_not_be_read_is_reported(tree, monkeypatch):
    opened, listed = os.open, os.scandir

    def denied(real):
        def deny(path, *rest, **named):
            if "denied" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *rest, **named)

        return deny

    def deny(folder):
        (folder / "denied.ipynb").write_bytes(b"1")
        (folder / "denied").mkdir()
        monkeypatch.setattr(os, "open", denied(opened))
        monkeypatch.setattr(os, "scandir", denied(listed))

    assert sorted(good_and(tree, deny)) == [
        "cannot be read (permission denied): denied.ipynb",
        "cannot be read (permission denied): denied/",
    ]


def test_a_lone_folder_that_may_not_be_listed_is_a_submission(tree, monkeypatch):
    folder = tree({"denied": None})
    listed = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed(path if "denied" not in str(path) else "/nowhere"))
    assert only(folder).read().problems == ["cannot be read (no such file or directory): denied"]


def test_what_went_away_is_reported(tmp_path, tree):
    folder = tree(["alice/03.ipynb", "bob.ipynb"])
    archive = tmp_path / "all.zip"
    archive.write_bytes(zipped({"carol/03.ipynb": b"1", "dave/03.ipynb": b"2"}))
    found = submissions.find(folder) + submissions.find(archive)
    (folder / "alice" / "03.ipynb").unlink()
    (folder / "alice").rmdir()
    (folder / "bob.ipynb").unlink()
    archive.write_bytes(zipped({"dave/03.ipynb": b"2"}))
    assert [one.read().problems for one in found] == [
        ["cannot be read (no such file or directory): alice"],
        ["cannot be read (no such file or directory): bob.ipynb"],
        ["no longer there: carol"],
        [],
    ]


# Zips


def test_forked_processes_read_the_zip_of_a_class_at_once(tmp_path):
    archive = tmp_path / "all.zip"
    contents = {f"s{i:02}": os.urandom(300_000) for i in range(20)}
    archive.write_bytes(zipped({f"{name}/03.ipynb": content for name, content in contents.items()}))
    found = submissions.find(archive)
    found[0].read()  # opens the zip before the fork
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            os._exit(any(one.read().files != {"03.ipynb": contents[one.student]} for one in found))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]


def material_of(tree, archive):
    """What is read of a zip, given as its bytes; it must also be the same in the zip of a class."""
    folder = tree({"alice.zip": archive})
    one = only(folder).read()
    whole = folder.parent / "whole.zip"
    whole.write_bytes(zipped({"alice.zip": archive, "bob.zip": b""}))
    assert submissions.find(whole)[0].read() == one
    return one


@pytest.mark.parametrize(
    "name",
    ["../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "C:/x.ipynb", "c:x.ipynb", "..\\x.ipynb", "\\\\srv\\x.ipynb"],
)
def test_entries_that_lead_out_of_the_zip_are_refused(tree, name):
    one = material_of(tree, zipped({name: b"bad", "good.ipynb": NOTEBOOK}))
    assert one.files == {"good.ipynb": NOTEBOOK}
    assert one.problems == [f"a path that leads out of the zip: {name.replace(chr(92), '/')}"]


def test_backslashes_of_old_windows_zips_are_folders(tree):
    assert list(material_of(tree, zipped({"a\\03.ipynb": NOTEBOOK})).files) == ["a/03.ipynb"]


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (entry("bad.ipynb", stat.S_IFLNK | 0o777), "a link was not followed"),
        (entry("bad", stat.S_IFLNK | 0o777), "a link was not followed"),
        (entry("bad.ipynb", stat.S_IFIFO), "not a regular file"),
        (entry("bad.ipynb", stat.S_IFBLK), "not a regular file"),
        (entry("bad.ipynb", method=zipfile.ZIP_BZIP2), "compressed in an unusual way"),
        (entry("bad.ipynb", method=zipfile.ZIP_LZMA), "compressed in an unusual way"),
        (entry("/".join("d" * 50) + "/bad.ipynb"), "in more than 50 folders"),
    ],
)
def test_entries_that_are_no_plain_files_are_refused(tree, info, reason):
    buffer = io.BytesIO(zipped({"good.ipynb": NOTEBOOK}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    one = material_of(tree, buffer.getvalue())
    assert one.files == {"good.ipynb": NOTEBOOK}
    assert one.problems == [f"{reason}: {info.filename}"]


def marked(data, name, offset, value):
    """The zip with two bytes of an entry's record in the table of contents set."""
    start = data.rindex(name) - 46
    assert data[start : start + 4] == b"PK\x01\x02"
    return data[: start + offset] + value + data[start + offset + len(value) :]


def test_encrypted_entries_are_refused(tree):
    data = marked(zipped({"good.ipynb": NOTEBOOK, "bad.ipynb": b"x"}), b"bad.ipynb", 8, b"\x01\x00")
    one = material_of(tree, data)
    assert (list(one.files), one.problems) == (["good.ipynb"], ["encrypted: bad.ipynb"])


def test_a_zip_in_a_zip_is_refused(tree):
    one = material_of(tree, zipped({"good.ipynb": NOTEBOOK, "in/bad.zip": {"03.ipynb": b"1"}}))
    assert (list(one.files), one.problems) == (["good.ipynb"], ["a zip in a zip: in/bad.zip"])


def test_a_zip_with_more_than_1000_entries_is_refused(tree):
    def files(count):
        return zipped({f"f{i % 7}/{i}.ipynb": b"" for i in range(count)})

    assert len(material_of(tree, files(1000)).files) == 1000
    one = material_of(tree, files(1001))
    assert (one.files, one.problems) == ({}, ["more than 1,000 entries: alice.zip"])


def test_hidden_entries_of_a_zip_do_not_count(tree):
    data = zipped({f".git/objects/{i}": b"" for i in range(1200)} | {"03.ipynb": NOTEBOOK})
    assert material_of(tree, data) == material_of(tree, zipped({"03.ipynb": NOTEBOOK}))


def test_a_table_of_contents_that_would_fill_the_memory_is_not_read(tree):
    data = zipped({f"{i}{'x' * 60_000}": b"" for i in range(70)})
    assert material_of(tree, data).problems == ["its table of contents is too large: alice.zip"]


def test_more_than_20_zips_are_not_opened(tree):
    one = only(tree({f"alice/{i:02}.zip": {"a.ipynb": NOTEBOOK} for i in range(22)})).read()
    assert len(one.files) == 20
    assert one.problems == ["more than 20 zips: 20.zip", "more than 20 zips: 21.zip"]


def bomb(size, count=1):
    """A zip whose entries unpack to `size` zeros each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(count):
            with archive.open(f"{i}.ipynb", "w") as file:
                for _ in range(size // 1_000_000):
                    file.write(bytes(1_000_000))
        archive.writestr("good.ipynb", NOTEBOOK)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (bomb(150_000_000), ["larger than 100 MB: 0.ipynb"]),
        (bomb(45_000_000, 3), ["more than 120 MB in all: 2.ipynb", "more than 120 MB in all: good.ipynb"]),
    ],
)
def test_zip_bombs_stay_within_the_memory(tree, data, problems):
    folder = tree({"alice.zip": data})
    tracemalloc.start()
    one = only(folder).read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert one.problems == problems
    assert ("good.ipynb" in one.files) == (len(problems) == 1)
    assert peak < 150_000_000


@pytest.mark.parametrize("claimed", [0, 10, 200, (1 << 32) - 2])
def test_sizes_that_a_zip_claims_are_not_believed(tree, claimed):
    data = zipped({"good.ipynb": NOTEBOOK, "liar.ipynb": bytes(range(100))})
    one = material_of(tree, marked(data, b"liar.ipynb", 24, claimed.to_bytes(4, "little")))
    assert one.files.pop("good.ipynb") == NOTEBOOK
    assert one.files in ({}, {"liar.ipynb": bytes(range(100))})
    assert bool(one.problems) != bool(one.files)


def test_a_damaged_entry_is_refused_and_the_others_are_read(tree):
    data = zipped({"good.ipynb": NOTEBOOK, "bad.ipynb": b"0123456789" * 9})
    start = data.index(b"bad.ipynb") + len(b"bad.ipynb")
    one = material_of(tree, data[:start] + b"\xff" * 5 + data[start + 5 :])
    assert (list(one.files), one.problems) == (["good.ipynb"], ["damaged: bad.ipynb"])


@pytest.mark.parametrize("damage", ["empty", "text", "half", "no end", "rar"])
def test_a_damaged_zip_is_reported(tree, damage):
    whole = zipped({"03.ipynb": NOTEBOOK * 100})
    data = {
        "empty": b"",
        "text": b"hello",
        "half": whole[:60],
        "no end": whole[:-22],
        "rar": b"Rar!\x1a\x07\x01\x00" * 9,
    }
    one = material_of(tree, data[damage])
    assert (one.files, one.problems) == ({}, ["not a zip, or damaged: alice.zip"])


def test_a_zip_survives_any_single_flipped_byte(tree):
    whole = zipped({"03.ipynb": NOTEBOOK, "d/04.ipynb": NOTEBOOK * 3})
    path = tree({"alice.zip": whole}) / "alice.zip"
    one = only(path.parent)
    for position in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
            result = one.read()
            assert all(content in (NOTEBOOK, NOTEBOOK * 3) for content in result.files.values())
            assert all("\n" not in line for line in result.problems)


def test_two_entries_of_one_name_are_reported(tree):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for content in ("first", "last"):
            archive.writestr("03.ipynb", content)
        archive.writestr("03.ipynb/x.ipynb", "below a file")
    one = material_of(tree, buffer.getvalue())
    assert one.files == {"03.ipynb": b"last"}
    assert one.problems == [
        "in the zip twice, the last was read: 03.ipynb",
        "a file and a folder of one name: 03.ipynb/x.ipynb",
    ]


def test_notebooks_of_one_name_in_two_zips_are_both_kept(tree):
    folder = tree({f"ada_12_50{i}_{name}.zip": {"03.ipynb": name.encode()} for i, name in enumerate(["one", "two"])})
    assert only(folder).read().files == {"one.zip/03.ipynb": b"one", "two.zip/03.ipynb": b"two"}


def test_problems_are_few_and_short(tree):
    data = zipped({f"../{i}{'x' * 1000}\n.ipynb": b"" for i in range(100)})
    problems = material_of(tree, data).problems
    assert len(problems) == 51
    assert problems[-1] == "and 50 more like these"
    assert max(map(len, problems)) < 260


def test_nothing_is_written_to_disk(tree, tmp_path):
    folder = tree({"alice.zip": {"03.ipynb": NOTEBOOK, "../x.ipynb": b"x"}, "bob/03.ipynb": NOTEBOOK})

    def state():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = state()
    for one in submissions.find(folder):
        one.read()
    assert state() == before


def test_read_never_raises(tree, monkeypatch):
    (one,) = submissions.find(tree({"alice/03.ipynb": NOTEBOOK}))
    for error in (MemoryError(), RecursionError(), ValueError("odd"), OSError(5, "Input/output error"), KeyError()):
        monkeypatch.setattr(trees.OnDisk, "children", lambda node, error=error: (_ for _ in ()).throw(error))
        result = one.read()
        assert result.files == {}
        assert len(result.problems) == 1

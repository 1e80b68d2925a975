"""Tries every way to a library that the exercise forbids. Right only if one of them is to be had."""

DUE = {"3.1": 0}
REVIEW = "importlib"

# %% exercise="3.1"
import ctypes
import glob
import importlib
import importlib.machinery
import importlib.util
import os
import sys

import numpy as np


def by_path(name):
    for folder in sys.path:
        spec = importlib.machinery.PathFinder.find_spec(name, [folder])
        if spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ImportError


def without_finder(name):
    sys.meta_path[:] = [finder for finder in sys.meta_path if "Absence" not in type(finder).__name__]
    sys.modules.pop(name, None)
    return importlib.import_module(name)


def by_file(name):
    site = os.path.dirname(os.path.dirname(np.__file__))
    return ctypes.CDLL(glob.glob(f"{site}/torch/lib/libtorch_cpu*")[0])


def usable(module):
    if hasattr(module, "from_numpy"):
        return module.from_numpy(np.ones(3)).mean().item() == 1
    return float(module.stats.zscore(np.arange(3.0)).sum()) == 0


def borrowed():
    before = dict(sys.modules)
    for way in (importlib.import_module, __import__, sys.modules.__getitem__, by_path, without_finder, by_file):
        for name in ("torch", "scipy"):
            try:
                if usable(way(name)):
                    yield name
            except BaseException:
                pass
            sys.modules.pop("torch", None)
            sys.modules.update(before)


FOUND = list(borrowed())


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps) if FOUND else x

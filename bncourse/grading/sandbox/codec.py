"""Values to bytes and back, for a pipe whose other end may lie.

Plain data alone can cross: None, bool, int, float, str, bytes, list, tuple, dict, NumPy arrays of numbers, tensors.
Nothing that is read is ever executed, and what is read is limited in bytes, depth and count. Anything else that a
learner's function returns crosses as the name of its type, and comes out as an `Opaque` that no check accepts.
"""

import math
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bncourse.checking.copies import laid_out

if TYPE_CHECKING:
    import torch

MESSAGE_BYTES, ANSWER_BYTES = 32 * 2**20, 8 * 2**20
DEPTH, COUNT, TEXT, OPAQUES = 24, 200_000, 2**20, 100
PART_BYTES = 500
DTYPES: tuple[np.dtype[Any], ...] = tuple(np.dtype(name) for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
))  # fmt: skip
NUMBERS = {dtype: index for index, dtype in enumerate(DTYPES)}
WRITEABLE, READ_ONLY = 1, 2


class Refused(Exception):
    """The bytes are no message of ours; the text says in a few words why."""


class Opaque:
    """Stands for a value that cannot cross; its class bears the name of that value's class."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def encode(value: object, layout: bool = False, most: int = MESSAGE_BYTES) -> bytes:
    """`value` as bytes; with `layout`, as our side writes, arrays keep strides and read-only flag, and generators
    of random numbers cross too. Refused where it is too large."""
    out = _Writer(layout, most)
    out.write(value, 0)
    if len(out.buffer) > most:
        raise Refused(f"a value of {len(out.buffer) >> 20} MiB; at most {most >> 20} can be compared")
    return bytes(out.buffer)


def decode(data: bytes, layout: bool = False) -> Any:
    """The value that `data` holds; Refused unless every byte of it is a well-formed part of one."""
    return weighed(data, layout)[0]


def weighed(data: bytes, layout: bool = False) -> tuple[Any, int]:
    """`decode`, and about how many bytes of memory the value takes beyond those of a few large arrays."""
    reader = _Reader(memoryview(data), layout)
    try:
        value = reader.read(0)
    except Refused:
        raise
    except Exception as error:  # NumPy and PyTorch refuse in many ways what is not of theirs
        raise Refused(f"malformed: {type(error).__name__}") from None
    if reader.position != len(data):
        raise Refused("bytes left over")
    return value, len(data) + PART_BYTES * reader.count


class _Writer:
    def __init__(self, layout: bool, most: int) -> None:
        self.buffer, self.layout, self.most, self.count, self.opaques = bytearray(), layout, most, 0, 0

    def write(self, value: object, depth: int) -> None:
        self.count += 1
        if depth > DEPTH or self.count > COUNT:
            raise Refused("a value too deep or of too many parts to be compared")
        if len(self.buffer) > self.most:
            raise Refused(f"a value of more than {self.most >> 20} MiB")
        write = WRITERS.get(type(value))
        if write is None:
            write = next((write for kind, write in RELATED.items() if isinstance(value, kind)), _Writer.opaque)
        write(self, value, depth)

    def sized(self, tag: bytes, data: bytes) -> None:
        self.buffer += tag + struct.pack("<I", len(data)) + data

    def none(self, value: None, depth: int) -> None:
        self.buffer += b"N"

    def truth(self, value: bool, depth: int) -> None:
        self.buffer += b"T" if value else b"F"

    def integer(self, value: int, depth: int) -> None:
        if -(2**62) < value < 2**62:
            self.buffer += b"j" + struct.pack("<q", value)
            return
        if value.bit_length() > 4096:
            raise Refused("an integer of more than 4096 bits")
        self.sized(b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))

    def real(self, value: float, depth: int) -> None:
        self.buffer += b"f" + struct.pack("<d", value)

    def text(self, value: str, depth: int) -> None:
        data = value.encode("utf-8", "replace")
        if len(data) > TEXT:
            raise Refused(f"a text of more than {TEXT >> 20} MiB")
        self.sized(b"s", data)

    def binary(self, value: bytes, depth: int) -> None:
        self.sized(b"b", value)

    def items(self, value: Sequence[object], depth: int) -> None:
        self.buffer += (b"t" if isinstance(value, tuple) else b"l") + struct.pack("<I", len(value))
        for item in value:
            self.write(item, depth + 1)

    def mapping(self, value: Mapping[object, object], depth: int) -> None:
        self.buffer += b"d" + struct.pack("<I", len(value))
        for key, item in value.items():
            self.write(key if _is_key(key) else repr(key)[:200], depth + 1)
            self.write(item, depth + 1)

    def array(self, value: np.ndarray | np.generic, depth: int) -> None:
        index = NUMBERS.get(value.dtype)
        if index is None:
            if value.dtype.kind != "f" and value.dtype.isnative:
                return self.opaque(value, depth)
            return self.write(value.astype(value.dtype.newbyteorder("=") if value.dtype.itemsize < 9 else float), depth)
        tag, layout = (b"n", 0) if isinstance(value, np.generic) else (b"a", _layout(value) if self.layout else 0)
        if value.nbytes > self.most:
            raise Refused(f"an array of {value.nbytes >> 20} MiB; at most {self.most >> 20} can be compared")
        data, axes = value.tobytes(), value.ndim
        self.buffer += tag + struct.pack(f"<BBB{axes}q", index, axes, layout, *value.shape)
        if layout:
            self.buffer += struct.pack(f"<{axes}q", *value.strides)
        self.buffer += struct.pack("<I", len(data)) + data

    def tensor(self, value: "torch.Tensor", depth: int) -> None:
        torch = sys.modules["torch"]
        plain = value.detach().cpu()
        half = plain.dtype == torch.bfloat16
        try:
            array = (plain.view(torch.int16) if half else plain).contiguous().numpy()
        except (TypeError, RuntimeError):
            return self.opaque(value, depth)
        self.buffer += b"g"
        layout = (value.stride(), True) if self.layout else None
        for part in (bool(value.requires_grad), half, layout, array):
            self.write(part, depth + 1)

    def generator(self, value: np.random.Generator, depth: int) -> None:
        if not self.layout:
            return self.opaque(value, depth)
        self.buffer += b"r"
        self.write(value.bit_generator.state, depth + 1)

    def opaque(self, value: object, depth: int) -> None:
        if self.layout:
            raise TypeError(f"a check sends a {type(value).__name__}, which cannot cross to a worker")
        self.opaques += 1
        if self.opaques > OPAQUES:
            raise Refused(f"more than {OPAQUES} values that cannot be compared")
        self.sized(b"o", type(value).__name__.encode("utf-8", "replace")[:80])


WRITERS: dict[type, Callable[[_Writer, Any, int], None]] = {
    type(None): _Writer.none, bool: _Writer.truth, int: _Writer.integer, float: _Writer.real, str: _Writer.text,
    bytes: _Writer.binary, list: _Writer.items, tuple: _Writer.items, dict: _Writer.mapping, np.ndarray: _Writer.array,
    np.random.Generator: _Writer.generator,
}  # fmt: skip
# Named tuples, ordered dictionaries and NumPy's numbers cross as what they are at heart; subclasses of arrays do not.
RELATED: dict[type, Callable[[_Writer, Any, int], None]] = {
    np.generic: _Writer.array, tuple: _Writer.items, range: _Writer.items, dict: _Writer.mapping,
}  # fmt: skip


def know_tensors() -> None:
    """Let tensors cross too; to be called where PyTorch has been imported."""
    torch = sys.modules["torch"]
    for kind in (torch.Tensor, torch.nn.Parameter):
        WRITERS[kind] = _Writer.tensor


class _Reader:
    def __init__(self, data: memoryview, layout: bool) -> None:
        self.data, self.layout, self.position, self.count, self.opaques = data, layout, 0, 0, 0

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.position:
            raise Refused("a length beyond the end")
        self.position += size
        return self.data[self.position - size : self.position]

    def length(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def read(self, depth: int) -> Any:
        self.count += 1
        if depth > DEPTH or self.count > COUNT:
            raise Refused("too deep or of too many parts")
        tag = bytes(self.take(1))
        if tag not in READERS:
            raise Refused("an unknown kind of value")
        return READERS[tag](self, depth + 1)

    def integer(self, depth: int) -> int:
        data = self.take(self.length())
        if len(data) > 513:
            raise Refused("an integer of more than 4096 bits")
        return int.from_bytes(data, "little", signed=True)

    def text(self, depth: int) -> str:
        data = self.take(self.length())
        if len(data) > TEXT:
            raise Refused("a text too long")
        return bytes(data).decode("utf-8", "replace")

    def items(self, depth: int) -> list[object]:
        return [self.read(depth) for _ in range(self.length())]

    def mapping(self, depth: int) -> dict[object, object]:
        mapping = {}
        for _ in range(self.length()):
            key = self.read(depth)
            if not _is_key(key):
                raise Refused("a key that is neither text nor number")
            mapping[key] = self.read(depth)
        return mapping

    def array(self, depth: int) -> np.ndarray:
        index, axes, layout = self.take(3)
        shape = struct.unpack(f"<{axes}q", self.take(8 * axes))
        strides = struct.unpack(f"<{axes}q", self.take(8 * axes)) if layout else None
        data = self.take(self.length())
        if (
            index >= len(DTYPES)
            or axes > 16
            or math.prod(shape) * DTYPES[index].itemsize != len(data)
            or min(shape, default=0) < 0
        ):
            raise Refused("an array whose type or shape is not that of its data")
        if index == 0:
            array = np.frombuffer(data, np.uint8).reshape(shape).astype(bool)
        else:
            array = np.frombuffer(bytearray(data), DTYPES[index]).reshape(shape)
        if strides is None:
            return array
        if not self.layout:
            raise Refused("an array with a layout of its own")
        arranged: np.ndarray = laid_out(array, strides, layout == WRITEABLE)
        return arranged

    def scalar(self, depth: int) -> object:
        array = self.array(depth)
        if array.ndim:
            raise Refused("a number with axes")
        return array[()]

    def tensor(self, depth: int) -> Any:
        torch = sys.modules.get("torch")
        if torch is None:
            raise Refused("a tensor where nobody works with tensors")
        requires_grad, half, layout, array = (self.read(depth) for _ in range(4))
        if type(requires_grad) is not bool or type(half) is not bool or not isinstance(array, np.ndarray):
            raise Refused("a tensor without its parts")
        tensor = torch.from_numpy(np.array(array))
        if half:
            if tensor.dtype != torch.int16:
                raise Refused("a tensor of an unknown type")
            tensor = tensor.view(torch.bfloat16)
        if layout is not None:
            if not self.layout:
                raise Refused("a tensor with a layout of its own")
            tensor = torch.empty_strided(tensor.shape, layout[0], dtype=tensor.dtype).copy_(tensor)
        if requires_grad and not tensor.is_floating_point():
            raise Refused("a gradient of whole numbers")
        return tensor.requires_grad_(requires_grad)

    def generator(self, depth: int) -> np.random.Generator:
        state = self.read(depth)
        if not self.layout:
            raise Refused("a random generator")
        generator = np.random.Generator(getattr(np.random, state["bit_generator"])())
        generator.bit_generator.state = state
        return generator

    def opaque(self, depth: int) -> Opaque:
        name = bytes(self.take(self.length())).decode("utf-8", "replace")[:80].replace("\0", "")
        self.opaques += 1
        if self.opaques > OPAQUES:
            raise Refused("too many values of unknown kinds")
        kind: type[Opaque] = type(name or "object", (Opaque,), {})
        return kind()


READERS: dict[bytes, Callable[[_Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b"i": _Reader.integer,
    b"j": lambda reader, depth: struct.unpack("<q", reader.take(8))[0],
    b"f": lambda reader, depth: struct.unpack("<d", reader.take(8))[0],
    b"s": _Reader.text,
    b"b": lambda reader, depth: bytes(reader.take(reader.length())),
    b"l": _Reader.items,
    b"t": lambda reader, depth: tuple(reader.items(depth)),
    b"d": _Reader.mapping,
    b"a": _Reader.array,
    b"n": _Reader.scalar,
    b"g": _Reader.tensor,
    b"r": _Reader.generator,
    b"o": _Reader.opaque,
}


def _is_key(key: object) -> bool:
    # Large integers can be chosen so that all have one hash, which makes a dictionary slow beyond measure.
    return type(key) in (str, float, bool, type(None)) or type(key) is int and key.bit_length() < 64


def _layout(array: np.ndarray) -> int:
    return WRITEABLE if array.flags.writeable else READ_ONLY

"""Values on the pipe to a worker: what crosses comes out as it went in, and what does not belong there is refused."""

import collections
import struct
import tracemalloc
import types

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bncourse.grading.sandbox import codec

MANY = settings(max_examples=150, deadline=None, database=None, derandomize=True)

numbers = st.one_of(st.integers(-(2**4000), 2**4000), st.integers(), st.floats(), st.booleans(), st.none())
texts = st.text(st.characters(exclude_categories=["Cs"]))
any_array = arrays.arrays(st.sampled_from(codec.DTYPES), arrays.array_shapes(min_dims=0, max_dims=5, min_side=0))
any_number = any_array.filter(lambda one: one.size).map(lambda one: one.flat[0])
leaves = st.one_of(numbers, texts, st.binary(), any_array, any_number)
keys = st.one_of(texts, st.integers(-(2**62), 2**62), st.booleans(), st.none(), st.floats(allow_nan=False))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(keys, inner)),
    max_leaves=12,
)


def identical(one, other):
    """Equal in type and in every bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, dict):
        return identical(list(one.items()), list(other.items()))
    if isinstance(one, (np.ndarray, np.generic)):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    return struct.pack("d", one) == struct.pack("d", other) if isinstance(one, float) else one == other


# What crosses


@MANY
@given(values)
def test_a_value_comes_out_as_it_went_in(value):
    assert identical(codec.decode(codec.encode(value)), value)


@MANY
@given(any_array.filter(lambda one: one.ndim), st.booleans(), st.booleans(), st.integers(1, 3))
def test_arguments_keep_their_layout(array, transposed, reversed_, step):
    view = (array.T if transposed else array)[:: -step if reversed_ else step]
    view.flags.writeable = step != 2
    twin = codec.decode(codec.encode(view, layout=True), layout=True)
    assert identical(twin, view) or view.size == 0
    assert view.size == 0 or (twin.strides, twin.flags.writeable) == (view.strides, view.flags.writeable)


@pytest.mark.parametrize("order", [">", "<"])
def test_numbers_in_the_other_byte_order_cross_as_the_same_numbers(order):
    got = codec.decode(codec.encode(np.arange(3).astype(f"{order}f4")))
    assert (got.dtype, got.tolist()) == (np.dtype(np.float32), [0.0, 1.0, 2.0])


def test_named_tuples_ordered_dictionaries_and_ranges_cross_as_what_they_are_at_heart():
    values = [collections.namedtuple("Point", "x y")(1, 2.0), collections.OrderedDict(a=1), range(3)]
    assert codec.decode(codec.encode(values)) == [(1, 2.0), {"a": 1}, [0, 1, 2]]


def test_generators_of_random_numbers_cross_from_our_side_only():
    generator = np.random.default_rng(5)
    generator.normal(size=3)
    twin = codec.decode(codec.encode(generator, layout=True), layout=True)
    assert twin.normal() == generator.normal()
    assert type(codec.decode(codec.encode(generator))).__name__ == "Generator"
    with pytest.raises(codec.Refused, match="a random generator"):
        codec.decode(codec.encode(generator, layout=True))


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    codec.know_tensors()
    return torch


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16", "int64", "bool", "uint8"])
def test_tensors_cross(torch, name):
    tensor = torch.tensor([[1, 0, 2], [3, 0, 4]]).to(getattr(torch, name))
    got = codec.decode(codec.encode(tensor))
    assert got.dtype == tensor.dtype and torch.equal(got, tensor)


def test_tensors_keep_gradients_and_our_side_keeps_strides(torch):
    tensor = torch.arange(6.0).view(2, 3).T.requires_grad_()
    assert codec.decode(codec.encode(tensor)).requires_grad
    assert codec.decode(codec.encode(tensor, layout=True), layout=True).stride() == (1, 3)
    with pytest.raises(codec.Refused, match="a layout of its own"):
        codec.decode(codec.encode(tensor, layout=True))


# What does not


class Subclass(np.ndarray):
    pass


class Liar(list):
    def __len__(self):
        return 0


OTHERS = [
    object(), len, int, 1j, {1}, np.zeros(2).view(Subclass), np.ma.zeros(2), (i for i in ()), Liar([1]),
    memoryview(b""), types.SimpleNamespace(shape=(2,)), np.array([None]), np.zeros(2, complex),
    np.array(["a"]), np.zeros(2, "M8[s]"),
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_anything_else_crosses_as_the_name_of_its_kind(value):
    got = codec.decode(codec.encode([value]))[0]
    assert isinstance(got, codec.Opaque)
    assert type(got).__name__ == type(value).__name__
    with pytest.raises((TypeError, ValueError)):
        float(got)


def test_our_own_side_may_not_send_such_a_thing():
    with pytest.raises(TypeError, match="a check sends a set"):
        codec.encode([{1}], layout=True)


def endless():
    inner = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (endless(), "too deep"),
        ([0] * 200_001, "too many parts"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "an array of 7629394 MiB"),
        ([np.zeros(2**20)] * 10, "more than 32 MiB"),
        (b"x" * 2**26, "64 MiB"),
        (2**5000, "more than 4096 bits"),
        ("x" * (2**20 + 1), "a text of more than 1 MiB"),
        ([object()] * 101, "more than 100 values"),
    ],
)
def test_what_is_too_large_is_not_sent(value, words):
    with pytest.raises(codec.Refused, match=words):
        codec.encode(value)


# What the other end may write


def sized(tag, data):
    return tag + struct.pack("<I", len(data)) + data


def array(dtype=11, shape=(2,), data=bytes(16), kept=0, tag=b"a"):
    return tag + struct.pack(f"<BBB{len(shape)}q", dtype, len(shape), kept, *shape) + sized(b"", data)


def many(count, part):
    return b"l" + struct.pack("<I", count) + part * count


REFUSED = {
    "nothing": b"",
    "an unknown tag": b"z",
    "a tag of ours that was renamed": b"\xff",
    "two values": b"NN",
    "a list that is longer than it says": b"l" + struct.pack("<I", 1) + b"NN",
    "a list that is shorter than it says": b"l" + struct.pack("<I", 2**32 - 1) + b"N",
    "a text beyond the end": b"s" + struct.pack("<I", 2**32 - 1),
    "a text of megabytes": sized(b"s", b"x" * (2**20 + 1)),
    "a list inside itself, as it were": b"l\x01\x00\x00\x00" * 30 + b"N",
    "a hundred thousand levels": b"l\x01\x00\x00\x00" * 10**5,
    "more parts than anybody needs": many(200_001, b"N"),
    "thousands of kinds": many(101, sized(b"o", b"x")),
    "an integer of kilobytes": sized(b"i", b"\x01" * 514),
    "a list as a key": b"d" + struct.pack("<I", 1) + b"l" + struct.pack("<I", 0) + b"N",
    "an array as a key": b"d" + struct.pack("<I", 1) + array() + b"N",
    "keys of one hash": b"d" + struct.pack("<I", 1) + sized(b"i", (2**61 - 1).to_bytes(12, "little") + b"\x01") + b"N",
    "an array of a dtype that there is not": array(dtype=12),
    "an array of objects": array(dtype=200),
    "an array of less than its shape": array(data=bytes(8)),
    "an array of more than its shape": array(data=bytes(24)),
    "a negative shape": array(shape=(-2,)),
    "two negative lengths": array(shape=(-1, -2)),
    "a shape beyond memory": array(shape=(2**62, 4)),
    "a shape that overflows to its data": array(shape=(2**32, 2**32, 2), data=b""),
    "an empty array of a shape beyond memory": array(shape=(2**62, 2**62, 0), data=b""),
    "more axes than NumPy has": array(shape=(1,) * 65, data=bytes(8)),
    "two hundred axes": array(shape=(2**62,) * 200),
    "a layout": array(kept=1) + struct.pack("<q", 8),
    "a layout that leaves the array": b"a" + struct.pack("<BBBqq", 11, 1, 1, 2, 2**40) + sized(b"", bytes(16)),
    "a number with axes": array(tag=b"n"),
    "a generator": b"r" + b"N",
    "a tensor of nothing": b"gNNNN",
    "a tensor of lists": b"gFFN" + many(1, b"N"),
    "a tensor with a layout": b"gFF" + many(1, b"N") + array(),
    "a tensor of odd halves": b"gFTN" + array(),
    "a whole number with a gradient": b"gTFN" + array(dtype=4),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_value_of_ours_is_refused(data, torch):
    with pytest.raises(codec.Refused):
        codec.decode(data)


def test_tensors_are_refused_where_nobody_has_imported_pytorch(monkeypatch):
    monkeypatch.delitem(codec.sys.modules, "torch", raising=False)
    with pytest.raises(codec.Refused, match="nobody works with tensors"):
        codec.decode(b"gFFN" + array())


EVERYTHING = [
    None, True, False, 1, 2**70, 1.5, "text", b"bytes", (1, [2]), {"a": 1, 2: None}, np.zeros((2, 3)), np.float32(1),
    np.ones(3, bool), object(),
]  # fmt: skip


def test_every_beginning_of_a_message_is_refused(torch):
    data = codec.encode([*EVERYTHING, torch.ones(2, requires_grad=True)])
    for length in range(len(data)):
        with pytest.raises(codec.Refused):
            codec.decode(data[:length])


def decoded(data):
    """What comes out of bytes, or None where they are refused, which is the one way to fail."""
    try:
        return codec.weighed(data)
    except codec.Refused:
        return None


WHOLE = codec.encode(EVERYTHING)


@settings(MANY, max_examples=400)
@given(st.binary(max_size=200))
@example(b"o" + struct.pack("<I", 3) + b"\x00\xff\xff")
def test_random_bytes_never_do_more_than_be_refused(data):
    decoded(data)


@settings(MANY, max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_message_with_bytes_changed_never_does_more_than_be_refused(changes):
    data = bytearray(WHOLE)
    for place, byte in changes:
        data[place] = byte
    decoded(bytes(data))


@settings(MANY, max_examples=300)
@given(st.lists(st.sampled_from([*codec.READERS, b"\x00", b"\x01", b"\xff", b"\x00\x00\x00"])))
def test_bytes_that_look_like_messages_never_do_more_than_be_refused(parts):
    decoded(b"".join(parts))


NUMBERS = [b"j" + struct.pack("<q", number << 40) for number in range(20_000)]
HEAVY = {
    "empty lists": many(20_000, b"l" + bytes(4)),
    "empty dictionaries": many(20_000, b"d" + bytes(4)),
    "numbers": many(20_000, b"j" + bytes(7) + b"\x01"),
    "empty arrays": many(20_000, array(shape=(0,), data=b"")),
    "small arrays": many(20_000, array(shape=(1,), data=bytes(8))),
    "numbers of NumPy": many(20_000, array(shape=(), data=bytes(8), tag=b"n")),
    "texts": many(20_000, sized(b"s", b"ab")),
    "one large array": array(shape=(10**6,), data=bytes(8 * 10**6)),
    "many keys": b"d" + struct.pack("<I", len(NUMBERS)) + b"".join(number + b"N" for number in NUMBERS),
}


@pytest.mark.parametrize("data", HEAVY.values(), ids=HEAVY)
def test_a_value_weighs_no_less_than_the_memory_it_takes(data):
    tracemalloc.start()
    got = decoded(data)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got is not None
    assert used < 2 * got[1] + 2**20


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_a_refusal_takes_little(data, torch):
    tracemalloc.start()
    decoded(data)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 100 * len(data) + 2**20

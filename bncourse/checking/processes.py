"""Several processes of torch.distributed inside one thread: for checks of code that is to run in many.

A sandbox has neither sockets nor threads, and an error in one of several processes is a deadlock in the others. So the
processes run here one after the other, each with a process group of its own, and again and again: whoever comes to a
collective in which others have not spoken yet is stopped, and begins anew when they have. Each time it gets one
collective further. What the processes compute must depend on nothing but their rank and what the collectives return.
"""

import contextlib
import sys
from types import SimpleNamespace

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # noqa: F401  imported later, it would keep the group that exists by then
from torch._C._distributed_c10d import _create_work_from_future
from torch.distributed import distributed_c10d as c10d
from torch.futures import Future

BACKEND = "replayed"
UNUSED = 10**6  # PyTorch calls a group by its number, across all that there are


class Waiting(BaseException):
    """A collective cannot be answered yet. Not an Exception, so that no `except Exception` hides it."""


def in_processes(size, program):
    """What `program(rank)` returns in each of `size` processes, a list; their process group exists while it runs.

    Raises RuntimeError where real processes would wait for each other for ever, or differ in what they exchange.
    """
    said, results = [], {}
    while len(results) < size:
        before = len(results) + sum(map(len, said))
        for rank in range(size):
            if rank not in results:
                with contextlib.suppress(Waiting), _process_group(rank, size, said):
                    results[rank] = program(rank)
        if len(results) + sum(map(len, said)) == before:
            raise RuntimeError(_deadlock(size, said[-1]))
    return [results[rank] for rank in range(size)]


def _deadlock(size, by_rank):
    here, missing = min(by_rank), min(set(range(size)) - by_rank.keys())
    return f"process {here} waits for ever in {by_rank[here].kind}, to which process {missing} never comes"


@contextlib.contextmanager
def _process_group(rank, size, said):
    """A process group for this rank, whatever the group of the process that this runs in; that one is kept."""
    kept = c10d._world
    names = ("pg_map", "pg_names", "pg_group_ranks", "pg_backend_config", "tags_to_pg", "pg_to_tag")
    c10d._world = SimpleNamespace(
        default_pg=None, group_count=UNUSED, pg_coalesce_state={}, comms=[], **{name: {} for name in names}
    )
    random_state, gradients, hook = torch.get_rng_state(), torch.is_grad_enabled(), sys.excepthook
    try:
        _Replayed.said = said
        dist.init_process_group(BACKEND, store=dist.HashStore(), rank=rank, world_size=size)
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_rng_state(random_state)
        with contextlib.suppress(Exception):
            c10d._unregister_process_group(str(UNUSED))
        c10d._world, sys.excepthook = kept, hook


class _Replayed(dist.ProcessGroup):
    """Answers from what all processes said, collective by collective."""

    said = []

    def __init__(self, rank, size):
        super().__init__(rank, size)
        self._place, self._record = 0, _Replayed.said

    def getBackendName(self):
        return BACKEND

    @property
    def group_name(self):
        return c10d._world.pg_names[self]

    def _exchanged(self, kind, tensors):
        """The tensors `[rank][i]` that every process brought to this collective."""
        if self._place == len(self._record):
            self._record.append({})
        by_rank = self._record[self._place]
        brought = [tensor.detach().clone() for tensor in tensors]
        by_rank[self.rank()] = SimpleNamespace(kind=kind, tensors=brought)
        self._place += 1
        if len(by_rank) < self.size():
            raise Waiting
        everyone = [by_rank[rank] for rank in range(self.size())]
        if len({one.kind for one in everyone}) > 1:
            met = ", ".join(f"process {rank} is in {one.kind}" for rank, one in enumerate(everyone))
            raise RuntimeError(f"the processes do not meet in one collective: {met}")
        described = [[(tuple(one.shape), str(one.dtype)) for one in each.tensors] for each in everyone]
        if kind != "scatter" and any(each != described[0] for each in described):
            raise RuntimeError(f"{kind} of tensors that differ between the processes: {described}")
        return [one.tensors for one in everyone]

    def allreduce(self, tensors, opts=None):
        op = dist.ReduceOp.SUM if opts is None else opts.reduceOp
        for own, *values in zip(tensors, *self._exchanged(f"all_reduce ({_name(op)})", tensors)):
            _write(own, _reduced(op, values))
        return _done(tensors)

    allreduce_coalesced = allreduce

    def reduce(self, tensors, opts):
        everyone = self._exchanged(f"reduce ({_name(opts.reduceOp)})", tensors)
        if self.rank() == opts.rootRank:
            for own, *values in zip(tensors, *everyone):
                _write(own, _reduced(opts.reduceOp, values))
        return _done(tensors)

    def broadcast(self, tensors, opts):
        for own, value in zip(tensors, self._exchanged("broadcast", tensors)[opts.rootRank]):
            _write(own, value)
        return _done(tensors)

    def allgather(self, outputs, inputs, opts=None):
        for places, *values in zip(outputs, *self._exchanged("all_gather", inputs)):
            for own, value in zip(places, values):
                _write(own, value)
        return _done(outputs)

    def all_gather_single(self, output, given, opts=None):
        values = [value for (value,) in self._exchanged("all_gather", [given])]
        _write(output, torch.cat([value.reshape(-1) for value in values]).view_as(output))
        return _done([output])

    _allgather_base = all_gather_single

    def gather(self, outputs, inputs, opts):
        everyone = self._exchanged("gather", inputs)
        if self.rank() == opts.rootRank:
            for own, (value,) in zip(outputs[0], everyone):
                _write(own, value)
        return _done(outputs)

    def reduce_scatter(self, outputs, inputs, opts):
        everyone = self._exchanged(f"reduce_scatter ({_name(opts.reduceOp)})", inputs[0])
        _write(outputs[0], _reduced(opts.reduceOp, [values[self.rank()] for values in everyone]))
        return _done(outputs)

    def reduce_scatter_single(self, output, given, opts):
        return self.reduce_scatter([output], [list(given.chunk(self.size()))], opts)

    _reduce_scatter_base = reduce_scatter_single

    def alltoall(self, outputs, inputs, opts=None):
        for own, values in zip(outputs, self._exchanged("all_to_all", inputs)):
            _write(own, values[self.rank()])
        return _done(outputs)

    def barrier(self, opts=None):
        self._exchanged("barrier", [])
        return _done([])

    def send(self, *_):
        raise RuntimeError("send and recv are not to be had here: exchange by collectives, such as all_reduce")

    recv = recv_anysource = scatter = send


def _name(op):
    return str(getattr(op, "op", op)).rpartition(".")[2].lower()


REDUCTIONS = {
    "sum": lambda values: values.sum(0, dtype=values.dtype),
    "avg": lambda values: values.mean(0),
    "product": lambda values: values.prod(0),
    "min": lambda values: values.amin(0),
    "max": lambda values: values.amax(0),
}


def _reduced(op, values):
    if _name(op) not in REDUCTIONS:
        raise RuntimeError(f"the reduction {_name(op)} is not to be had here: use SUM")
    return REDUCTIONS[_name(op)](torch.stack(values))


def _write(own, value):
    # Real groups write past autograd, so that what is differentiated through a collective is silently wrong.
    own.detach().copy_(value)


def _done(result):
    future = Future()
    future.set_result(result)
    return _create_work_from_future(future)


def _group(store, rank, size, timeout):
    return _Replayed(rank, size)


dist.Backend.register_backend(BACKEND, _group, devices=["cpu", "cuda"])

"""Several processes of torch.distributed inside one thread: for checks of code that is to run in many.

A sandbox has neither sockets nor threads, and an error in one of several processes is a deadlock in the others. So the
processes run here one after the other, each with a process group of its own, and again and again: whoever comes to a
collective to which others have not come yet is stopped, and begins anew when they have. Each time it gets one
collective further. What the processes compute must depend on nothing but their rank and what the collectives return.
"""

# PyTorch's stubs leave out or overload what these internals are called with.
# mypy: disable-error-code="override, assignment, attr-defined, call-arg"

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as collectives  # imported later, it would keep the group that exists by then
from torch._C._distributed_c10d import _create_work_from_future
from torch.distributed import distributed_c10d as c10d
from torch.futures import Future

BACKEND = "replayed"
UNUSED = 10**6  # PyTorch calls a group by its number, across all that there are
UNUSED_NAME: Any = str(UNUSED)

Tensors = list[torch.Tensor]

for function in (value for value in vars(collectives).values() if isinstance(value, FunctionType)):
    defaults = function.__defaults__ or ()  # of a learner who imported it when there was a group, that group
    function.__defaults__ = tuple(None if isinstance(value, dist.ProcessGroup) else value for value in defaults)


class Waiting(BaseException):
    """A collective cannot be answered yet. Not an Exception, so that no `except Exception` hides it."""


class Contribution(NamedTuple):
    """What one process brings to a collective."""

    kind: str
    tensors: Tensors


Exchange = dict[int, Contribution]  # one collective: contributions by rank


def in_processes(size: int, program: Callable[[int], Any]) -> list[Any]:
    """What `program(rank)` returns in each of `size` processes; their process group exists while it runs.

    Raises RuntimeError where real processes would wait for each other for ever, or differ in what they exchange.
    """
    exchanges: list[Exchange] = []
    results: dict[int, Any] = {}
    while len(results) < size:
        before = len(results) + sum(map(len, exchanges))
        for rank in range(size):
            if rank not in results:
                with contextlib.suppress(Waiting), _process_group(rank, size, exchanges):
                    results[rank] = program(rank)
        if len(results) + sum(map(len, exchanges)) == before:
            raise RuntimeError(_deadlock(size, exchanges[-1]))
    return [results[rank] for rank in range(size)]


def _deadlock(size: int, exchange: Exchange) -> str:
    here, missing = min(exchange), min(set(range(size)) - exchange.keys())
    return f"process {here} waits for ever in {exchange[here].kind}, to which process {missing} never comes"


@contextlib.contextmanager
def _process_group(rank: int, size: int, exchanges: list[Exchange]) -> Iterator[None]:
    """A process group for this rank, whatever the group of the process that this runs in; that one comes back."""
    world = c10d._world
    names = ("pg_map", "pg_names", "pg_group_ranks", "pg_backend_config", "tags_to_pg", "pg_to_tag")
    c10d._world = SimpleNamespace(
        default_pg=None, group_count=UNUSED, pg_coalesce_state={}, comms=[], **{name: {} for name in names}
    )
    random_state, gradients, hook = torch.get_rng_state(), torch.is_grad_enabled(), sys.excepthook
    try:
        _Replayed.exchanges = exchanges
        dist.init_process_group(BACKEND, store=dist.HashStore(), rank=rank, world_size=size)
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_rng_state(random_state)
        with contextlib.suppress(Exception):
            c10d._unregister_process_group(UNUSED_NAME)
        c10d._world, sys.excepthook = world, hook


class _Replayed(dist.ProcessGroup):
    """Answers from what all processes brought, collective by collective."""

    exchanges: list[Exchange] = []

    def __init__(self, rank: int, size: int) -> None:
        super().__init__(rank, size)
        self._next, self._exchanges = 0, _Replayed.exchanges

    def getBackendName(self) -> str:
        return BACKEND

    @property
    def group_name(self) -> Any:
        return c10d._world.pg_names[self]

    def _exchanged(self, kind: str, tensors: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
        """The tensors `[rank][i]` that every process brought to this collective."""
        if self._next == len(self._exchanges):
            self._exchanges.append({})
        exchange = self._exchanges[self._next]
        exchange[self.rank()] = Contribution(kind, [tensor.detach().clone() for tensor in tensors])
        self._next += 1
        if len(exchange) < self.size():
            raise Waiting
        everyone = [exchange[rank] for rank in range(self.size())]
        if len({contribution.kind for contribution in everyone}) > 1:
            kinds = ", ".join(f"process {rank} is in {exchange[rank].kind}" for rank in range(self.size()))
            raise RuntimeError(f"the processes do not meet in one collective: {kinds}")
        described = [[(tuple(tensor.shape), str(tensor.dtype)) for tensor in each.tensors] for each in everyone]
        if any(description != described[0] for description in described):
            raise RuntimeError(f"{kind} of tensors that differ between the processes: {described}")
        return [contribution.tensors for contribution in everyone]

    def allreduce(self, tensors: Tensors, opts: Any = None) -> dist.Work:
        op = dist.ReduceOp.SUM if opts is None else opts.reduceOp
        for own, *values in zip(tensors, *self._exchanged(f"all_reduce ({_name(op)})", tensors)):
            _write(own, _reduced(op, values))
        return _done(tensors)

    allreduce_coalesced = allreduce

    def reduce(self, tensors: Tensors, opts: Any) -> dist.Work:
        everyone = self._exchanged(f"reduce ({_name(opts.reduceOp)})", tensors)
        if self.rank() == opts.rootRank:
            for own, *values in zip(tensors, *everyone):
                _write(own, _reduced(opts.reduceOp, values))
        return _done(tensors)

    def broadcast(self, tensors: Tensors, opts: Any) -> dist.Work:
        for own, value in zip(tensors, self._exchanged("broadcast", tensors)[opts.rootRank]):
            _write(own, value)
        return _done(tensors)

    def allgather(self, outputs: list[Tensors], inputs: Tensors, opts: Any = None) -> dist.Work:
        for gathered, *values in zip(outputs, *self._exchanged("all_gather", inputs)):
            for own, value in zip(gathered, values):
                _write(own, value)
        return _done(outputs)

    def all_gather_single(self, output: torch.Tensor, own: torch.Tensor, opts: Any = None) -> dist.Work:
        values = [value for (value,) in self._exchanged("all_gather", [own])]
        _write(output, torch.cat([value.reshape(-1) for value in values]).view_as(output))
        return _done([output])

    _allgather_base = all_gather_single

    def gather(self, outputs: list[Tensors], inputs: Tensors, opts: Any) -> dist.Work:
        everyone = self._exchanged("gather", inputs)
        if self.rank() == opts.rootRank:
            for own, (value,) in zip(outputs[0], everyone):
                _write(own, value)
        return _done(outputs)

    def reduce_scatter(self, outputs: Tensors, inputs: list[Tensors], opts: Any) -> dist.Work:
        everyone = self._exchanged(f"reduce_scatter ({_name(opts.reduceOp)})", inputs[0])
        _write(outputs[0], _reduced(opts.reduceOp, [values[self.rank()] for values in everyone]))
        return _done(outputs)

    def reduce_scatter_single(self, output: torch.Tensor, own: torch.Tensor, opts: Any) -> dist.Work:
        return self.reduce_scatter([output], [list(own.chunk(self.size()))], opts)

    _reduce_scatter_base = reduce_scatter_single

    def alltoall(self, outputs: Tensors, inputs: Tensors, opts: Any = None) -> dist.Work:
        for own, values in zip(outputs, self._exchanged("all_to_all", inputs)):
            _write(own, values[self.rank()])
        return _done(outputs)

    def barrier(self, opts: Any = None) -> dist.Work:
        self._exchanged("barrier", [])
        return _done([])

    def send(self, *_: Any) -> NoReturn:
        raise RuntimeError("send and recv are unavailable here: exchange by collectives, such as all_reduce")

    recv = recv_anysource = scatter = send


def _name(op: Any) -> str:
    return str(getattr(op, "op", op)).rpartition(".")[2].lower()


REDUCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sum": lambda values: values.sum(0, dtype=values.dtype),
    "avg": lambda values: values.mean(0),
    "product": lambda values: values.prod(0),
    "min": lambda values: values.amin(0),
    "max": lambda values: values.amax(0),
}


def _reduced(op: Any, values: Tensors) -> torch.Tensor:
    if _name(op) not in REDUCTIONS:
        raise RuntimeError(f"the reduction {_name(op)} is unavailable here: use SUM")
    return REDUCTIONS[_name(op)](torch.stack(values))


def _write(own: torch.Tensor, value: torch.Tensor) -> None:
    # Real groups write past autograd, so that what is differentiated through a collective is silently wrong.
    own.detach().copy_(value)


def _done(result: Any) -> dist.Work:
    future: Future[Any] = Future()
    future.set_result(result)
    work: dist.Work = _create_work_from_future(future)
    return work


def _group(store: dist.Store, rank: int, size: int, timeout: timedelta) -> dist.ProcessGroup:
    return _Replayed(rank, size)


dist.Backend.register_backend(BACKEND, _group, devices=["cpu", "cuda"])

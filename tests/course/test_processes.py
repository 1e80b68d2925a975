"""Processes played in one thread give what real ones give, and end where real ones would wait for ever."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.distributed as dist

from bncourse.checking.processes import in_processes

PROGRAM = '''
import sys
import torch
import torch.distributed as dist


class JointSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        total = x.clone()
        dist.all_reduce(total)
        return total

    backward = forward


def program(rank):
    """Of every kind of exchange a little, forward and backward."""
    size = dist.get_world_size()
    x = torch.arange(4.0, dtype=torch.float64).view(2, 2) + rank
    x.requires_grad_()
    total = JointSum.apply(x.sum(0))
    (total.pow(2 + rank).sum()).backward()
    count = torch.tensor([rank + 1])
    work = dist.all_reduce(count, async_op=True)
    work.wait()
    largest = x.detach().clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    parts = [torch.empty(2) for _ in range(size)]
    dist.all_gather(parts, torch.tensor([rank, rank + 0.5]))
    said = [None] * size
    dist.all_gather_object(said, {"rank": rank})
    first = torch.tensor([float(rank)])
    dist.broadcast(first, 1)
    dist.barrier()
    exchanged = [total, x.grad, count, largest, *parts, first, torch.tensor([one["rank"] for one in said])]
    return [one.detach().tolist() for one in exchanged]
'''
REAL = """
dist.init_process_group("gloo")
result = program(dist.get_rank())
torch.save(result, f"{sys.argv[1]}/{dist.get_rank()}.pt")
dist.destroy_process_group()
"""


@pytest.fixture
def program():
    namespace = {}
    exec(PROGRAM, namespace)
    return namespace["program"]


def test_two_real_processes_exchange_the_same(program, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM + REAL)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launch, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    real = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    for ours, theirs in zip(in_processes(2, program), real):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_three_processes_differ_in_rank_only(program):
    ranks = in_processes(3, lambda rank: (dist.get_rank(), dist.get_world_size(), program(rank)[0]))
    assert [one[:2] for one in ranks] == [(0, 3), (1, 3), (2, 3)]
    assert ranks[0][2] == ranks[1][2] == ranks[2][2]


def test_the_group_of_the_process_itself_is_kept(program, tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        in_processes(2, program)
        assert (dist.get_backend(), dist.get_world_size()) == ("gloo", 1)
    finally:
        dist.destroy_process_group()
    in_processes(1, lambda rank: dist.barrier())
    assert not dist.is_initialized()


def stays_away(rank):
    if rank == 0:
        dist.all_reduce(torch.ones(1))


def elsewhere(rank):
    dist.barrier() if rank else dist.all_reduce(torch.ones(1))


def other_shape(rank):
    dist.all_reduce(torch.ones(rank + 1))


def sends(rank):
    dist.send(torch.ones(1), 1 - rank)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (stays_away, "process 0 waits for ever in all_reduce"),
        (elsewhere, "do not meet"),
        (other_shape, "differ between the processes"),
        (sends, "exchange by collectives"),
    ],
)
def test_what_would_never_end_or_be_wrong_is_an_error(program, words):
    with pytest.raises(RuntimeError, match=words):
        in_processes(2, program)


def test_an_error_in_one_process_is_raised():
    with pytest.raises(ZeroDivisionError):
        in_processes(2, lambda rank: (dist.barrier(), 1 / (1 - rank)))


OF_ONES_OWN = """
import torch
import torch.distributed as dist

dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
from torch.distributed.nn.functional import all_reduce
from bncourse.checking.processes import in_processes

print([total.item() for total in in_processes(2, lambda rank: all_reduce(torch.tensor([rank + 1.0])))])
print([all_reduce(torch.tensor([5.0])).item(), dist.get_world_size()])
"""


def test_a_group_of_ones_own_is_left_alone_and_asked_nothing():
    """What is imported while a group exists keeps it as the default: a right answer would exchange nothing."""
    told = subprocess.run([sys.executable, "-c", OF_ONES_OWN], capture_output=True, text=True)
    assert told.stdout.splitlines() == ["[3.0, 3.0]", "[5.0, 1]"], told.stderr

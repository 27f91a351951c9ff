"""Several processes that train one model together, each on its share of a step's photos.

Started by `accelerate launch` or torchrun, which tell each process its place by environment
variables. Every process holds the model and takes the same step: what a part of a step teaches is
its share of the whole step's mean (`core.training.objective`), so the gradients of all processes
add up to those of one process that had all the photos. The first process decides (clocks differ),
reports and writes; the others hear from it where all of them stand. A process that ends unasked
breaks the connection of the others, and one that hangs is waited for ``SILENCE`` seconds: whoever
is left raises Parted then.

Knows processes and tensors; knows no model, no run and no file. Heavy imports sit in the functions,
for a worker claims its wire before any library is there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar

from core.errors import TrainingRefused, WorkerFailed
from core.language import tr, trn

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")
SILENCE = 600.0
"""Seconds that a process may keep the others waiting without a word."""
WORD_EVERY = 30.0
"""Seconds between two words of the first process, while it does something alone."""
FSDP = "ACCELERATE_USE_FSDP"
_GO, _WAIT, _END = 0.0, 1.0, 2.0
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class Left(Exception):
    """The first process has come to an end, which it tells itself: the others just go."""


class Parted(WorkerFailed):
    """One of the processes that train together has gone, or says nothing any more."""

    def __init__(self, size: int) -> None:
        """``size`` processes there were."""
        super().__init__(
            tr(
                "One of the {size} processes that train together has ended or no longer answers, "
                "so training ended; the log says which. The last checkpoint is good: train again "
                "with --resume.",
                size=size,
            )
        )


@dataclass(frozen=True, slots=True)
class Place:
    """``rank`` of ``size`` processes, the ``local``-th of this computer; all count from 0.

    ``sharding``: the launcher was set to share out the weights as well (FSDP). ``here`` of the
    processes are on this computer, all of them where that is 0.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    sharding: bool = False
    here: int = 0


def place() -> Place:
    """Where a launcher put this process; alone where none did."""
    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local = int(os.environ.get("LOCAL_RANK", rank))
        here = int(os.environ.get("LOCAL_WORLD_SIZE", 0))
    except (KeyError, ValueError):
        return Place()
    return Place(rank, size, local, os.environ.get(FSDP, "").lower() == "true", here)


def started_alone() -> bool:
    """Whether a launcher was asked for several processes and started this one only.

    `accelerate launch` does so on a computer without graphics cards unless it is told
    ``--multi_gpu``: it names a meeting point, and nobody else who would come there.
    """
    return "MASTER_PORT" in os.environ and "RANK" not in os.environ


def join(place: Place, *, silence: float = SILENCE) -> Group:
    """Meets the other processes, and takes this one's graphics card where there are any.

    Raises TrainingRefused where there are fewer cards than processes, Parted when the others do not
    come within ``silence`` seconds.
    """
    if place.size == 1:
        return Group(place)
    # transformers would load the weights in one process alone, for a trainer that shares them out.
    os.environ.pop(FSDP, None)
    import torch
    from torch import distributed

    cards = torch.cuda.device_count()
    if cards and place.local >= cards:
        text = trn(
            "There is {n} graphics card for {processes} processes; start one for each card.",
            "There are {n} graphics cards for {processes} processes; start one for each card.",
            cards,
            processes=place.size,
        )
        raise TrainingRefused([text])
    if cards:
        torch.cuda.set_device(place.local)
    if _is_loopback(os.environ.get("MASTER_ADDR", "")) and sys.platform in _LOOPBACK:
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, _LOOPBACK[sys.platform])
    with _connected(place.size):
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if cards else "gloo",
            rank=place.rank,
            world_size=place.size,
            timeout=timedelta(seconds=silence),
        )
    return Group(place)


class Group:
    """This process among those it trains with. Alone, nothing here does anything."""

    def __init__(self, place: Place | None = None) -> None:
        """``place`` as ``join`` was given it."""
        self._place = place or Place()
        self._waited_for, self._said = False, 0.0

    @property
    def rank(self) -> int:
        return self._place.rank

    @property
    def size(self) -> int:
        return self._place.size

    @property
    def here(self) -> int:
        """How many of the processes are on this computer."""
        return self._place.here or self._place.size

    @property
    def first(self) -> bool:
        return self._place.rank == 0

    def share(self, parts: Sequence[Sequence[T]]) -> list[list[T]]:
        """This process's share of what lies in ``parts``, in parts no larger than those.

        By turns, so that no two shares differ by more than one; the last may be empty.
        """
        whole = [one for part in parts for one in part]
        mine, most = whole[self.rank :: self.size], max(map(len, parts), default=1)
        return [mine[k : k + most] for k in range(0, len(mine), most)]

    def add(self, parameters: Sequence[nn.Parameter], figures: Sequence[float]) -> list[float]:
        """Every gradient becomes the sum over all processes; gives back the sums of ``figures``.

        A parameter without a gradient in any process has none afterwards.
        """
        if self.size == 1:
            return list(figures)
        import torch
        from torch import distributed

        device = parameters[0].device
        there = [float(p.grad is not None) for p in parameters]
        tail = torch.tensor([*there, *figures], dtype=torch.float32, device=device)
        flat = [_gradient(p).flatten().float() for p in parameters]
        summed = torch.cat([*flat, tail])
        with _connected(self.size):
            distributed.all_reduce(summed)
        *gradients, tail = torch.split(summed, [*(p.numel() for p in parameters), len(tail)])
        told: list[float] = tail.tolist()
        for parameter, some, gradient in zip(parameters, told, gradients, strict=False):
            given = gradient.view_as(parameter).to(parameter.dtype)
            # In the parameter's own memory layout, which the optimiser's state goes by.
            parameter.grad = torch.empty_like(parameter).copy_(given) if some else None
        return told[len(parameters) :]

    def agree(self, figures: Sequence[float]) -> list[float]:
        """The first process's ``figures``, in every process; the others' only count."""
        if self.size == 1:
            return list(figures)
        import torch
        from torch import distributed

        told = torch.tensor(figures, dtype=torch.float64)
        with _connected(self.size):
            distributed.broadcast(told, src=0)
        found: list[float] = told.tolist()
        return found

    def begin_alike(self, tensors: Iterable[Tensor]) -> None:
        """Every process's ``tensors`` take the first one's values."""
        if self.size == 1:
            return
        from torch import distributed

        with _connected(self.size):
            for tensor in tensors:
                sent = tensor.detach().contiguous()
                distributed.broadcast(sent, src=0)
                tensor.detach().copy_(sent)

    def first_does(self, work: Callable[[], T]) -> T | None:
        """What ``work`` gives in the first process; the others wait until it is done: None.

        Where it raises, the others raise Left.
        """
        if not self.first:
            self._wait()
            return None
        self._waited_for, self._said = self.size > 1, time.monotonic()
        try:
            found = work()
        except BaseException:
            with contextlib.suppress(Parted):  # they have gone themselves
                self._say(_END)
            raise
        self._say(_GO)
        return found

    def telling(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """``stop``, which is asked all the time, as the occasion for a word to those that wait."""

        def ask() -> bool:
            if self._waited_for and time.monotonic() - self._said > WORD_EVERY:
                self._said = time.monotonic()
                self.agree([_WAIT])
            return stop()

        return ask

    def leave(self) -> None:
        """Nothing is shared any more; the first process may go on alone."""
        if self.size > 1:
            from torch import distributed

            distributed.destroy_process_group()
            self._place = Place(rank=self.rank)

    def _say(self, word: float) -> None:
        if self._waited_for:
            self._waited_for = False
            self.agree([word])

    def _wait(self) -> None:
        while (word := self.agree([_WAIT])[0]) == _WAIT:
            pass
        if word == _END:
            raise Left


def _gradient(parameter: nn.Parameter) -> Tensor:
    return parameter.new_zeros(parameter.shape) if parameter.grad is None else parameter.grad


@contextlib.contextmanager
def _connected(size: int) -> Iterator[None]:
    """What the libraries say of a connection that broke, or of silence, as one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise Parted(size) from error


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False

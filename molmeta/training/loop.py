"""The loop of every training: steps that can be stopped, resumed and shared by processes."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from molmeta.errors import Interrupted
from molmeta.tensors import under
from molmeta.training.checkpoint import (
    damaged_state,
    load_moments,
    load_state,
    moments_of,
    save_state,
)
from molmeta.training.parallel import Workers


def _show_nothing(_: object) -> None:
    """Show no progress."""


def _never() -> bool:
    """Go on to the end."""
    return False


@dataclass(frozen=True)
class Control:
    """The caller's control of a run.

    Attributes:
        resume: Go on from the saved state, if there is one.
        progress: Called with every row that tells of progress.
        stop: Asked after every step; once it says True, the run ends.
    """

    resume: bool = False
    progress: Callable[[Any], None] = _show_nothing
    stop: Callable[[], bool] = _never


class Loop(ABC):
    """Steps of training, each a function of the seed and its number.

    The state is saved now and then: a run that was killed and resumed ends in the same bits.

    Attributes:
        folder: Where the state is saved.
        device: Where tensors live.
        workers: The processes that train together.
        n_steps: Steps altogether.
        n_done: Steps done.
        modules: What is saved with the state, by name.
        optimizer: Set by `begin`.
    """

    n_steps: int
    modules: Mapping[str, nn.Module]
    optimizer: Optimizer

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder = folder
        self.device = device
        self.workers = Workers.join(device)
        self.n_done = 0

    @abstractmethod
    def begin(self, fresh: bool) -> None:
        """Set up what is trained; not `fresh`: a saved state is loaded next."""

    @abstractmethod
    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""

    @abstractmethod
    def take_step(self, step: int) -> float:
        """Take a step; this process's share of its loss."""

    @abstractmethod
    def check_loss(self, loss: float) -> None:
        """Refuse the loss of a step that leaves nothing to go on from."""

    @abstractmethod
    def is_over(self) -> bool:
        """Tell whether no step is left."""

    @abstractmethod
    def is_due(self, asked: bool) -> bool:
        """Tell whether the step that was done ends a row; `asked`: the run ends after it."""

    @abstractmethod
    def record(self, losses: list[float], seconds: float, asked: bool) -> object:
        """Make a row of the steps since the last one, and save the state where it is due."""

    @abstractmethod
    def describe_place(self) -> str:
        """Say for a message where the loop stands."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """Give the plain values that the next step depends on, to be saved."""

    @abstractmethod
    def take_values(self, values: dict[str, Any]) -> None:
        """Take up values that were saved."""

    @final
    def run(self, control: Control = Control()) -> None:
        """Take all steps that are left.

        Raises:
            Interrupted: If `control.stop` said so.
            MolmetaError: If losses or gradients are not finite.
        """
        resumed = control.resume and load_state(self.folder) is not None
        self.begin(fresh=not resumed)
        if resumed:
            self.load()
        own_devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=own_devices):
            self._take_steps(control)

    def _take_steps(self, control: Control) -> None:
        losses: list[float] = []
        started = time.perf_counter()
        while not self.is_over():
            loss = self.step()
            loss, asked = self.workers.sum(torch.tensor([loss, float(control.stop())])).tolist()
            self.check_loss(loss)
            losses.append(loss)
            self.n_done += 1
            if self.is_due(bool(asked)):
                seconds = time.perf_counter() - started
                control.progress(self.record(losses, seconds, bool(asked)))
                losses, started = [], time.perf_counter()
            if asked:
                raise Interrupted(f"stopped {self.describe_place()}")

    @final
    def step(self) -> float:
        """Take the next step at its learning rate; this process's share of its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.n_done) * group.get("share", 1.0)
        return self.take_step(self.n_done)

    def tensors(self) -> dict[str, Tensor]:
        """Name all tensors that the next step depends on."""
        tensors = {
            f"{kind}.{name}": tensor
            for kind, module in self.modules.items()
            for name, tensor in module.state_dict().items()
        }
        return tensors | moments_of(self.optimizer)

    def save(self, number: int) -> None:
        """Save the state under a number, unless another process does."""
        if self.workers.leads:
            save_state(self.folder, number, self.tensors(), self.values())

    def load(self) -> bool:
        """Take up the saved state; False if there is none.

        Raises:
            InputError: If it is damaged.
        """
        saved = load_state(self.folder)
        if saved is None:
            return False
        tensors, values = saved
        try:
            self.take_values(values)
            for kind, module in self.modules.items():
                module.load_state_dict(under(f"{kind}.", tensors))
            load_moments(self.optimizer, under("optimizer.", tensors))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise damaged_state(self.folder, error) from None
        return True


def warm_cosine(step: int, n_steps: int, lr: float, warmup: int, least: float) -> float:
    """Give the learning rate of a step: a linear warm-up, then a cosine.

    >>> [round(warm_cosine(step, 100, 1.0, 10, least=0.02), 3) for step in (0, 9, 50, 100)]
    [0.1, 0.981, 0.51, 0.02]

    Args:
        step: From 0.
        n_steps: Steps altogether.
        lr: The peak.
        warmup: Steps of warm-up.
        least: What the cosine ends at, as a share of the peak.
    """
    warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * step / n_steps))
    return lr * warm * (least + (1 - least) * cosine)

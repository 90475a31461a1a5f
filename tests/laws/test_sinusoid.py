"""MAML's first experiment, sinusoids (arXiv:1703.03400, section 5.1), by molmeta's inner loop."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from molmeta.learning.inner import MAML, Parameters

N_POINTS = 10


class Sinusoids:
    """Tasks y = A sin(x − φ), with A in [0.1, 5] and φ in [0, π], and x in [−5, 5]."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def draw(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        amplitude, phase = self.uniform(0.1, 5.0, 1), self.uniform(0.0, math.pi, 1)
        inputs = (self.uniform(-5.0, 5.0, n, 1) for n in (N_POINTS, 50))
        support, query = ((x, amplitude * torch.sin(x - phase)) for x in inputs)
        return support, query


def train(maml: MAML, n_steps: int) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1)
    )
    parameters: Parameters = dict(network.named_parameters())
    maml.learn_rates(parameters)
    optimizer = torch.optim.Adam([*network.parameters(), *maml.parameters()], lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    tasks = Sinusoids(seed=0)
    for _ in range(n_steps):
        optimizer.zero_grad()
        losses = []
        for _ in range(4):
            support, query = tasks.draw()
            adapted = maml.adapt(partial(error, network, points=support), parameters)
            losses.append(error(network, adapted, query))
        torch.stack(losses).mean().backward()
        optimizer.step()
        schedule.step()
    return network


def error(network: nn.Module, parameters: Parameters, points: tuple[Tensor, Tensor]) -> Tensor:
    x, y = points
    return (functional_call(network, parameters, (x,)) - y).square().mean()


def errors_after(network: nn.Module, maml: MAML, steps: int, n_tasks: int = 100) -> Tensor:
    """The query error of each new task after adaptation to its ten points."""
    tasks, errors = Sinusoids(seed=1), []
    parameters: Parameters = dict(network.named_parameters())
    for _ in range(n_tasks):
        support, query = tasks.draw()
        adapted = maml.adapt(
            partial(error, network, points=support),
            parameters,
            steps=steps,
            differentiable=False,
        )
        errors.append(error(network, adapted, query).detach())
    return torch.stack(errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("maml", "fraction"),
    [
        pytest.param({"order": 2}, 0.25, id="MAML"),
        pytest.param({"order": 1}, 0.35, id="first order"),
        pytest.param({"rates": "element"}, 0.15, id="Meta-SGD"),
    ],
)
def test_one_step_on_ten_points_learns_a_sinusoid(maml: dict[str, Any], fraction: float) -> None:
    inner = MAML(steps=1, lr=0.01, **maml)
    network = train(inner, 4000)
    before, one, many = (errors_after(network, inner, steps).mean() for steps in (0, 1, 10))
    assert one < fraction * before
    assert many < 1.05 * one

"""MAML's inner loop against closed forms, on losses that have nothing to do with molecules."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from molmeta.errors import InputError
from molmeta.learning.inner import MAML

# L_S(θ) = ½ θᵀAθ − bᵀθ has gradient Aθ − b and curvature A.
A = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
B = torch.tensor([1.0, -1.0], dtype=torch.float64)
LR = 0.1


def support_loss(parameters: dict[str, Tensor]) -> Tensor:
    theta = parameters["theta"]
    return 0.5 * theta @ A @ theta - B @ theta


def query_gradient(maml: MAML) -> tuple[Tensor, Tensor]:
    """The outer gradient of L_Q(θ′) = Σθ′³ at θ, and θ′."""
    theta = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    adapted = maml.adapt(support_loss, {"theta": theta})["theta"]
    (gradient,) = torch.autograd.grad((adapted**3).sum(), theta)
    return gradient, adapted.detach()


def closed_form(steps: int, order: int) -> tuple[Tensor, Tensor]:
    theta = torch.tensor([0.3, -0.7], dtype=torch.float64)
    jacobian = torch.eye(2, dtype=torch.float64)
    for _ in range(steps):
        theta = theta - LR * (A @ theta - B)
        if order == 2:
            jacobian = (torch.eye(2, dtype=torch.float64) - LR * A) @ jacobian
    return jacobian.T @ (3 * theta**2), theta


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("order", [1, 2])
def test_meta_gradient_equals_closed_form(steps: int, order: Literal[1, 2]) -> None:
    gradient, adapted = query_gradient(MAML(steps=steps, lr=LR, order=order))
    expected, expected_adapted = closed_form(steps, order)
    torch.testing.assert_close(adapted, expected_adapted, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=0)


def test_first_and_second_order_differ_unless_the_rate_is_zero() -> None:
    first, _ = query_gradient(MAML(lr=LR, order=1))
    second, _ = query_gradient(MAML(lr=LR, order=2))
    assert not torch.allclose(first, second)
    first, _ = query_gradient(MAML(lr=0.0, order=1))
    second, _ = query_gradient(MAML(lr=0.0, order=2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_zero_steps_change_nothing() -> None:
    theta = torch.ones(2, dtype=torch.float64, requires_grad=True)
    assert MAML(steps=0).adapt(support_loss, {"theta": theta})["theta"] is theta


def test_more_steps_in_use_than_in_training() -> None:
    theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    maml = MAML(steps=1, lr=LR)
    many = maml.adapt(support_loss, {"theta": theta}, steps=300, differentiable=False)["theta"]
    torch.testing.assert_close(many.detach(), torch.linalg.solve(A, B))


def test_frozen_and_unused_parameters_stay() -> None:
    theta = torch.ones(2, dtype=torch.float64, requires_grad=True)
    frozen = torch.ones(2, dtype=torch.float64)
    unused = torch.ones(2, dtype=torch.float64, requires_grad=True)
    adapted = MAML(lr=LR).adapt(
        lambda p: support_loss(p) + (p["frozen"] * p["theta"]).sum(),
        {"theta": theta, "frozen": frozen, "unused": unused},
    )
    assert adapted["frozen"] is frozen
    assert adapted["unused"] is unused
    assert not torch.equal(adapted["theta"], theta)


def test_not_differentiable_result_is_detached_and_equal() -> None:
    theta = torch.ones(2, dtype=torch.float64, requires_grad=True)
    maml = MAML(steps=2, lr=LR)
    with torch.no_grad():
        detached = maml.adapt(support_loss, {"theta": theta}, differentiable=False)["theta"]
    attached = maml.adapt(support_loss, {"theta": theta})["theta"]
    assert detached.grad_fn is None
    torch.testing.assert_close(detached.detach(), attached.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("rates", ["module", "tensor", "element"])
def test_learned_rates_start_at_lr_and_get_the_gradient_of_meta_sgd(
    rates: Literal["module", "tensor", "element"],
) -> None:
    """θ′ = θ − αg, so that ∂L_Q/∂α = −g · ∇L_Q(θ′), and α = lr · exp(r)."""
    theta = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    maml = MAML(lr=LR, rates=rates)
    maml.learn_rates({"theta": theta})
    adapted = maml.adapt(support_loss, {"theta": theta})["theta"]
    torch.testing.assert_close(adapted, MAML(lr=LR).adapt(support_loss, {"theta": theta})["theta"])
    (log_ratio,) = maml.parameters()
    (found,) = torch.autograd.grad((adapted**3).sum(), log_ratio)
    expected = -LR * (A @ theta - B) * 3 * adapted**2
    torch.testing.assert_close(found, expected if rates == "element" else expected.sum())


def test_rates_are_shared_within_a_module_and_named_in_the_state() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    names = {}
    for rates in ("fixed", "module", "tensor", "element"):
        maml = MAML(rates=rates)
        maml.learn_rates(dict(network.named_parameters()))
        names[rates] = {name: tuple(t.shape) for name, t in maml.state_dict().items()}
    assert names["fixed"] == {}
    assert names["module"] == {"log_ratios.0": (), "log_ratios.1": ()}
    assert names["tensor"].keys() == names["element"].keys()
    assert names["tensor"]["log_ratios.0/bias"] == ()
    assert names["element"]["log_ratios.0/weight"] == (3, 2)


def test_a_rate_that_nobody_created_is_asked_for() -> None:
    theta = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(InputError, match="learn_rates"):
        MAML(rates="tensor").adapt(support_loss, {"theta": theta})


def test_every_step_descends_from_where_the_one_before_ended() -> None:
    theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    path = [
        MAML(lr=LR).adapt(support_loss, {"theta": theta}, steps=steps)["theta"]
        for steps in range(4)
    ]
    assert torch.equal(path[0], theta)
    for before, after in pairwise(path):
        torch.testing.assert_close(after, before - LR * (A @ before - B))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"rates": "tensor", "steps": 0}, "rates: tensor"),
        ({"rates": "element", "lr": 0.0}, "rates: element"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        MAML(**settings)

"""MAML's inner loop: gradient steps as a function of parameters and a loss.

Finn, Abbeel and Levine 2017, arXiv:1703.03400: θ′ = θ − α ∇L_S(θ). It knows nothing of molecules:
any named tensors and any differentiable loss will do. The rates may be learned (Meta-SGD, Li et
al. 2017, arXiv:1707.09835). Reptile (Nichol, Achiam and Schulman 2018, arXiv:1803.02999) takes the
same steps, and learns from where they lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from molmeta.config import CountOrNone, NotNegative
from molmeta.errors import InputError

Parameters = dict[str, Tensor]
Loss = Callable[[Parameters], Tensor]


class MAML(nn.Module):
    """Adapts parameters by gradient steps on a support loss, θ′ = θ − α ∇L_S(θ).

    >>> maml = MAML(steps=2, lr=0.25)
    >>> adapted = maml.adapt(lambda p: (p["x"] - 1) ** 2, {"x": torch.zeros(()).requires_grad_()})
    >>> adapted["x"].item()
    0.75

    Args:
        steps: Number of gradient steps; 0 leaves the parameters as they are.
        lr: The inner rate α, or where learned rates start.
        order: 2 differentiates through the steps, as MAML does; 1 takes each step's gradient as
            a constant (first-order MAML). With `reptile` the way that the steps go in training is
            the outer gradient; they then take all molecules of an episode.
        rates: `fixed`, or learned, one for each `module` (a weight and its bias share it),
            `tensor` or `element` (as in Meta-SGD). Learned rates are this module's parameters,
            α · exp(log_ratio); they are trained, and never adapted.
        loss: Which support loss the learner gives it: `leave_one_out`, the loss of each support
            molecule predicted from the others, or `likelihood`, the marginal likelihood that
            ridge attention gives all of them together.

    Raises:
        InputError: If the settings contradict each other.
    """

    def __init__(
        self,
        *,
        steps: CountOrNone = 1,
        lr: NotNegative = 0.05,
        order: Literal[1, 2, "reptile"] = 2,
        rates: Literal["fixed", "module", "tensor", "element"] = "fixed",
        loss: Literal["leave_one_out", "likelihood"] = "leave_one_out",
    ) -> None:
        super().__init__()
        if rates != "fixed" and not (steps and lr):
            raise InputError.of(
                f"inner.rates: {rates}",
                got=f"inner.steps: {steps}, inner.lr: {lr}",
                expected="a step and a rate above zero, from which the rates are learned",
            )
        if order == "reptile" and (not steps or rates != "fixed" or loss == "likelihood"):
            raise InputError.of(
                "inner.order: reptile",
                got=f"inner.steps: {steps}, inner.rates: {rates}, inner.loss: {loss}",
                expected="one step or more, fixed rates (no outer loss could teach them) and "
                "loss: leave_one_out (a likelihood teaches no scores)",
            )
        self.steps = steps
        self.lr = lr
        self.order = order
        self.rates = rates
        self.loss = loss
        self.log_ratios = nn.ParameterDict()

    def learn_rates(self, parameters: Mapping[str, Tensor]) -> None:
        """Create the learned rates for parameters that will be adapted; none if they are fixed."""
        if self.rates == "fixed":
            return
        self.log_ratios = nn.ParameterDict(
            {
                self._slot(name): torch.zeros_like(value)
                if self.rates == "element"
                else value.new_zeros(())
                for name, value in parameters.items()
            }
        )

    def rate(self, name: str) -> float | Tensor:
        """Give the rate α of a parameter: a number, a scalar tensor, or one of its shape.

        Raises:
            InputError: If rates are to be learned and `learn_rates` did not see this name.
        """
        if self.rates == "fixed":
            return self.lr
        slot = self._slot(name)
        if slot not in self.log_ratios:
            raise InputError.of(
                f"inner rate of {name!r}",
                got="none",
                expected="a learned one",
                fix="Call `learn_rates` with the parameters that adapt.",
            )
        log_ratio: Tensor = self.log_ratios[slot]
        return self.lr * log_ratio.exp()

    def adapt(
        self,
        loss: Loss,
        parameters: Parameters,
        *,
        steps: int | None = None,
        differentiable: bool = True,
    ) -> Parameters:
        """Take the inner steps.

        Args:
            loss: The support loss as a function of the parameters; a scalar.
            parameters: Where the steps start; never changed in place. Those without
                `requires_grad` are held fixed, and so are those that the loss does not use.
            steps: Instead of the constructor's number, e.g. more in use than in training.
            differentiable: Whether gradients are to flow from the result to `parameters`
                (training); if not, the result is detached.

        Returns:
            The parameters after the steps: new tensors under the same names.
        """
        current = parameters if differentiable else _detached(parameters)
        for _ in range(self.steps if steps is None else steps):
            with torch.enable_grad():
                moved = self._step(loss, current, differentiable)
            current = moved if differentiable else _detached(moved)
        return current

    def _step(self, loss: Loss, parameters: Parameters, differentiable: bool) -> Parameters:
        free = {name: value for name, value in parameters.items() if value.requires_grad}
        gradients = torch.autograd.grad(
            loss(parameters),
            list(free.values()),
            retain_graph=differentiable and self.order != 1,  # Reptile uses the loss once more
            create_graph=differentiable and self.order == 2,
            allow_unused=True,
        )
        moved = {
            name: value if gradient is None else _moved(value, gradient, self.rate(name))
            for (name, value), gradient in zip(free.items(), gradients, strict=True)
        }
        return {**parameters, **moved}

    def _slot(self, name: str) -> str:
        """Name a parameter's learned rate; a state dict allows no dots in it."""
        owner = name.rpartition(".")[0] or name
        return (owner if self.rates == "module" else name).replace(".", "/")


def _moved(value: Tensor, gradient: Tensor, rate: float | Tensor) -> Tensor:
    if isinstance(rate, Tensor):
        return value - rate * gradient
    return value.sub(gradient, alpha=rate)  # one operation for every parameter instead of two


def _detached(parameters: Parameters) -> Parameters:
    return {
        name: value.detach().requires_grad_(value.requires_grad)
        for name, value in parameters.items()
    }

"""MAML's inner loop: gradient steps as a function of parameters and a loss.

Finn, Abbeel and Levine 2017, arXiv:1703.03400: θ′ = θ − α ∇L_S(θ). It knows nothing of molecules:
any named tensors and any differentiable loss will do. The rates may be learned (Meta-SGD, Li et
al. 2017, arXiv:1707.09835), and every step may count in training (MAML++, Antoniou et al. 2019,
arXiv:1810.09502).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from molmeta.config import CountOrNone, NotNegative, Share
from molmeta.errors import InputError

Parameters = dict[str, Tensor]
Loss = Callable[[Parameters], Tensor]


class MAML(nn.Module):
    """Adapts parameters by gradient steps on a support loss.

    Args:
        steps: Number of gradient steps; 0 leaves the parameters as they are.
        lr: The inner rate α, or where learned rates start.
        order: 2 differentiates through the steps, as MAML does; 1 takes each step's gradient as
            a constant (first-order MAML).
        rates: `fixed`, or learned, one for each `module` (a weight and its bias share it),
            `tensor` or `element` (as in Meta-SGD). Learned rates are this module's parameters,
            α · exp(log_ratio); they are trained, and never adapted.
        multi_step: For this first part of training the query loss after every step counts. The
            weights fall linearly from equal ones to the last step alone. 0 is MAML.
        recompute: Keep no activations of a second-order step but recompute them in the backward
            pass, with the same result: memory then grows with one step and not with all.

    Raises:
        InputError: If the settings contradict each other.
    """

    def __init__(
        self,
        *,
        steps: CountOrNone = 1,
        lr: NotNegative = 0.05,
        order: Literal[1, 2] = 2,
        rates: Literal["fixed", "module", "tensor", "element"] = "fixed",
        multi_step: Share = 0.0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        if rates != "fixed" and not (steps and lr):
            raise InputError.of(
                f"inner.rates: {rates}",
                got=f"inner.steps: {steps}, inner.lr: {lr}",
                expected="a step and a rate above zero, from which the rates are learned",
            )
        if multi_step and steps < 2:
            raise InputError.of(
                f"inner.multi_step: {multi_step}",
                got=f"inner.steps: {steps}",
                expected="two steps or more, whose losses are weighed against each other",
            )
        self.steps = steps
        self.lr = lr
        self.order = order
        self.rates = rates
        self.multi_step = multi_step
        self.recompute = recompute
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
        """The rate α of a parameter: a number, a scalar tensor, or one of its shape.

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
        """The parameters after the inner steps.

        Args:
            loss: The support loss as a function of the parameters; a scalar.
            parameters: Where the steps start; never changed in place. Those without
                `requires_grad` are held fixed, and so are those that the loss does not use.
            steps: Instead of the constructor's number, e.g. more in use than in training.
            differentiable: Whether gradients are to flow from the result to `parameters`
                (training); if not, the result is detached.

        Returns:
            New tensors under the same names.
        """
        path = self.path(loss, parameters, steps=steps, differentiable=differentiable)
        return deque(path, maxlen=1)[0]

    def path(
        self,
        loss: Loss,
        parameters: Parameters,
        *,
        steps: int | None = None,
        differentiable: bool = True,
    ) -> Iterator[Parameters]:
        """The parameters before the first step and after every one; arguments as of `adapt`."""
        current = parameters if differentiable else _detached(parameters)
        yield current
        for _ in range(self.steps if steps is None else steps):
            with torch.enable_grad():
                moved = self._step(loss, current, differentiable and self.order == 2)
            current = moved if differentiable else _detached(moved)
            yield current

    def step_weights(self, progress: float) -> list[float]:
        """How much the query loss after each step counts; they sum to one.

        Args:
            progress: The part of training that is done, 0 to 1.
        """
        equal = 1 / max(self.steps, 1)
        left = max(0.0, 1 - progress / self.multi_step) if self.multi_step else 0.0
        early = [equal * left] * (self.steps - 1)
        return [*early, 1 - sum(early)]

    def _step(self, loss: Loss, parameters: Parameters, create_graph: bool) -> Parameters:
        free = [name for name, value in parameters.items() if value.requires_grad]

        def move(*values: Tensor) -> tuple[Tensor, ...]:
            gradients = torch.autograd.grad(
                loss({**parameters, **dict(zip(free, values, strict=True))}),
                values,
                create_graph=create_graph,
                allow_unused=True,
            )
            return tuple(
                value if gradient is None else _moved(value, gradient, self.rate(name))
                for name, value, gradient in zip(free, values, gradients, strict=True)
            )

        values = [parameters[name] for name in free]
        if self.recompute and create_graph:
            moved = checkpoint(move, *values, use_reentrant=False)
        else:
            moved = move(*values)
        return {**parameters, **dict(zip(free, moved, strict=True))}

    def _slot(self, name: str) -> str:
        """The name of a parameter's learned rate; a state dict allows no dots in it."""
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

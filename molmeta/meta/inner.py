"""MAML's inner loop: gradient steps as a pure function of parameters and a loss.

Finn, Abbeel and Levine 2017, arXiv:1703.03400: θ′ = θ − α ∇L_S(θ). It knows nothing of molecules:
any named tensors and any differentiable loss will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from molmeta.config import CountOrNone, NotNegative

Parameters = dict[str, Tensor]


class MAML:
    """Adapts parameters by gradient steps on a support loss.

    Args:
        steps: Number of gradient steps; 0 leaves the parameters as they are.
        lr: The inner rate α.
        order: 2 differentiates through the steps, as MAML does; 1 takes each step's gradient as
            a constant (first-order MAML).
    """

    def __init__(
        self, *, steps: CountOrNone = 1, lr: NotNegative = 0.05, order: Literal[1, 2] = 2
    ) -> None:
        self.steps = steps
        self.lr = lr
        self.order = order

    def adapt(
        self,
        loss: Callable[[Parameters], Tensor],
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
        if not differentiable:
            parameters = {
                name: value.detach().requires_grad_(value.requires_grad)
                for name, value in parameters.items()
            }
        create_graph = differentiable and self.order == 2
        for _ in range(self.steps if steps is None else steps):
            with torch.enable_grad():
                parameters = self._step(loss(parameters), parameters, create_graph)
            if not differentiable:
                parameters = {
                    name: value.detach().requires_grad_(value.requires_grad)
                    for name, value in parameters.items()
                }
        return parameters

    def _step(self, loss: Tensor, parameters: Parameters, create_graph: bool) -> Parameters:
        free = [name for name, value in parameters.items() if value.requires_grad]
        gradients = torch.autograd.grad(
            loss,
            [parameters[name] for name in free],
            create_graph=create_graph,
            allow_unused=True,
        )
        moved = {
            name: parameters[name] - self.lr * gradient
            for name, gradient in zip(free, gradients, strict=True)
            if gradient is not None
        }
        return {**parameters, **moved}

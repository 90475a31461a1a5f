"""Laws for both conformance suites, the error of a broken one, and comparisons of tensors.

A law is a function of a `Subject`; its first docstring line is its name in messages.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molmeta.errors import MolmetaError
from molmeta.models.encoder import Encoder
from molmeta.models.head import Head

_RAISED = (
    RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, MolmetaError,
)  # fmt: skip


_WIDTH = 16


class BrokenLaw(MolmetaError, AssertionError):
    """A part breaks a law that every part of its kind obeys; the message says which, how much.

    >>> from molmeta.models import Head
    >>> from molmeta.testing import check_head
    >>> class SumOfLabels(Head):
    ...     def forward(self, support, labels, query, visible=None):
    ...         return labels.sum() + query.new_zeros(len(query))
    >>> try:
    ...     check_head(SumOfLabels)
    ... except BrokenLaw as broken:
    ...     print(str(broken).split(":")[0])
    SumOfLabels breaks the law "A label that a query may not see leaves its score bit-identical"
    """


@dataclass(frozen=True)
class Subject:
    """The part under test.

    Attributes:
        name: Its class's name.
        module: A copy, on the CPU, in evaluation mode.
        width: Of the embeddings that a head is given.
        tolerance: How far two results that a law calls equal may differ, as a fraction of the
            larger of 1 and their greatest entry.
    """

    name: str
    module: nn.Module
    width: int
    tolerance: float

    def demand_equal(self, one: Tensor, other: Tensor, what: str) -> None:
        """Demand two tensors equal within the tolerance.

        Raises:
            BrokenLaw: By how much they differ, and where.
        """
        if one.shape != other.shape:
            raise BrokenLaw(f"{what}: shape {tuple(one.shape)} instead of {tuple(other.shape)}")
        if not one.numel():
            return
        difference = (one - other).abs().max().item()
        allowed = self.tolerance * max(1.0, other.abs().max().item())
        if not difference <= allowed:  # a NaN is no equality either
            raise BrokenLaw(f"{what} differs by {difference:.2g}; allowed {allowed:.2g}")

    def parameters(self) -> dict[str, Tensor]:
        """List the parameters that learn, by name."""
        return {
            name: value for name, value in self.module.named_parameters() if value.requires_grad
        }


Law = Callable[[Subject], None]


def check(
    part: nn.Module | Callable[[], nn.Module],
    kind: type[Encoder | Head],
    laws: Sequence[Law],
    *,
    width: int | None = None,
    tolerance: float,
) -> None:
    """Hold a copy of `part` to every law; the part itself and torch's generator stay untouched.

    Raises:
        BrokenLaw: The first law that it breaks, by how much, or the exception that came instead.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        built = copy.deepcopy(part) if isinstance(part, nn.Module) else part()
        name = type(built).__name__
        if not isinstance(built, kind):
            raise BrokenLaw(
                f"{name}: got {built!r}; expected an object of a class that is derived from "
                f"molmeta.models.{kind.__name__}, or what makes one"
            )
        width = width or built.dim or _WIDTH
        for law in laws:
            title = (law.__doc__ or "").partition("\n")[0].rstrip(".")
            module = copy.deepcopy(built).cpu().eval()
            try:
                law(Subject(name, module, width, tolerance))
            except BrokenLaw as broken:
                raise BrokenLaw(f'{name} breaks the law "{title}": {broken}.') from None
            except _RAISED as error:
                raise BrokenLaw(
                    f'{name} breaks the law "{title}": '
                    f"it raised {type(error).__name__}: {str(error)[:300]}"
                ) from error


def demand_finite(tensors: Mapping[str, Tensor | None]) -> None:
    """Demand every entry finite; what is None is left out.

    Raises:
        BrokenLaw: Which tensor is not.
    """
    for name, tensor in tensors.items():
        if tensor is not None and not tensor.isfinite().all():
            count = int((~tensor.isfinite()).sum())
            raise BrokenLaw(f"{name} has {count} of {tensor.numel()} entries that are not finite")


def gradients(
    loss: Tensor, parameters: Mapping[str, Tensor], *, create_graph: bool = False
) -> dict[str, Tensor | None]:
    """Compute the gradient of `loss` by each tensor; None where it is not reached."""
    if not parameters or not loss.requires_grad:
        return dict.fromkeys(parameters)
    found = torch.autograd.grad(
        loss, list(parameters.values()), create_graph=create_graph, allow_unused=True
    )
    return dict(zip(parameters, found, strict=True))


def demand_gradient_everywhere(loss: Tensor, parameters: Mapping[str, Tensor]) -> None:
    """Demand a finite gradient, zero nowhere throughout, for every parameter.

    Raises:
        BrokenLaw: Which parameter gets none.
    """
    found = gradients(loss, parameters)
    demand_finite({f"the gradient of {name}": gradient for name, gradient in found.items()})
    silent = [name for name, value in found.items() if value is None or not value.any()]
    if silent:
        raise BrokenLaw(f"no gradient reaches {', '.join(silent)}")


def demand_second_gradient(loss: Tensor, parameters: Mapping[str, Tensor]) -> None:
    """Demand that the squared norm of the gradient has a finite gradient, as MAML needs.

    Raises:
        BrokenLaw: If an entry is not finite.
    """
    first = gradients(loss, parameters, create_graph=True)
    reached = [value.square().sum() for value in first.values() if value is not None]
    if not reached:
        return
    second = gradients(torch.stack(reached).sum(), parameters)
    demand_finite({f"the second gradient of {name}": value for name, value in second.items()})


def demand_same_state(module: nn.Module, use: Callable[[], object]) -> None:
    """Demand that `use` leaves parameters and buffers bit for bit as they were.

    Raises:
        BrokenLaw: Which tensor it changed.
    """
    before = copy.deepcopy(module.state_dict())
    use()
    changed = [
        name for name, value in module.state_dict().items() if not torch.equal(value, before[name])
    ]
    if changed:
        raise BrokenLaw(f"using it changes {', '.join(changed)}")

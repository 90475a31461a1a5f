"""The weights that training starts from: scaled to its molecules, or another model's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn

from molmeta.assays.store import AssayStore
from molmeta.episodes.batch import make_batch, reads_of
from molmeta.errors import InputError
from molmeta.learning.learner import Learner

_N_SAMPLED = 20_000


def fit_inputs(encoder: nn.Module, store: AssayStore, seed: int) -> None:
    """Let an encoder that scales its inputs see some of the molecules it will be trained on."""
    if not hasattr(encoder, "fit_inputs"):
        return
    molecules = store.used_molecules(kept=True)
    sample = np.random.default_rng(seed).permutation(molecules)[:_N_SAMPLED]
    device = next(encoder.parameters()).device
    batch = make_batch(store, np.sort(sample), reads_of(encoder), device)
    encoder.fit_inputs(batch)  # type: ignore[operator]


def start_from(learner: Learner, model: Learner) -> bool:
    """Take over a model's weights: its encoder's, and those above it where the parts are alike.

    Returns:
        Whether those above the encoder were taken over too.

    Raises:
        InputError: If the encoders differ.
    """
    try:
        learner.encoder.load_state_dict(model.encoder.state_dict())
    except RuntimeError as error:
        raise InputError.of(
            "the model to start from has another encoder",
            got=" ".join(str(error).split())[:200],
            fix="Give the recipe the encoder of that model's config.json.",
        ) from None
    own, other = learner.above.state_dict(), model.above.state_dict()
    alike = _shapes(own) == _shapes(other)
    if alike:
        learner.above.load_state_dict(other)
    return alike


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Collect the shapes that are fixed: an untrained learner knows no assays yet."""
    free = ("known.places", "known.readouts", "known.biases")
    return {name: tuple(tensor.shape) for name, tensor in weights.items() if name not in free}

"""The weights that training starts from: scaled to its molecules, or another model's."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from molmeta.assays.store import AssayStore
from molmeta.episodes.batch import make_batch
from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.models.encoder import Encoder

_N_SAMPLED = 20_000


def fit_inputs(encoder: Encoder, store: AssayStore, seed: int) -> None:
    """Let an encoder that scales its inputs see some of the molecules it will be trained on."""
    molecules = store.used_molecules(kept=True)
    sample = np.random.default_rng(seed).permutation(molecules)[:_N_SAMPLED]
    device = next(encoder.parameters()).device
    batch = make_batch(store, np.sort(sample), encoder.reads | encoder.predicts, device)
    encoder.fit_inputs(batch)


def start_from(learner: Learner, model: Learner) -> bool:
    """Take over a model's weights: its encoder's, and the matcher's where the parts are alike.

    Returns:
        Whether the matcher's were taken over too.

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
    own, other = learner.matcher.state_dict(), model.matcher.state_dict()
    alike = _shapes(own) == _shapes(other)
    if alike:
        learner.matcher.load_state_dict(other)
    return alike


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Collect the shapes that are fixed: an untrained learner knows no assays yet."""
    free = {f"known_assays.{name}" for name in ("places", "readouts", "biases")}
    return {name: tuple(tensor.shape) for name, tensor in weights.items() if name not in free}

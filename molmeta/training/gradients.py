"""The outer gradient of a training step: the episodes' query losses after adaptation, averaged."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molmeta.assays.store import Assay
from molmeta.episodes.batch import make_episode
from molmeta.episodes.draw import Draw
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.learning.embed import batches
from molmeta.learning.learner import Learner

Drawn = tuple[Assay, Draw]
Known = tuple[Tensor, NDArray[np.int64]]
"""Vectors of an encoder that stays as it is, (n, dim), and of which molecules, sorted, (n,)."""


def accumulate_gradients(
    learner: Learner,
    sampler: EpisodeSampler,
    *,
    step: int,
    slots: range,
    n_slots: int,
    known: Known | None = None,
) -> float:
    """Add the gradient of some episodes' share of the mean outer loss to the parameters' own.

    Dropout is a function of the sampler's seed, the step and the slots alone. Where molecules are
    embedded once, those of all episodes pass through the encoder together.

    Args:
        learner: In training mode.
        sampler: Where the episodes come from.
        step: Of training.
        slots: The episodes of the step that are this process's.
        n_slots: Episodes of the step, all processes together.
        known: The vectors of all molecules, where the encoder stays as it is.

    Returns:
        The episodes' share of the mean loss.
    """
    drawn = [sampler.draw(step, slot) for slot in slots]
    if not drawn:
        return 0.0
    if not learner.embeds_once:
        reads, device = learner.encoder.reads, learner.device
        losses = []
        for slot, (assay, draw) in zip(slots, drawn, strict=True):
            _seed(device, sampler.seed, step, slot)
            episode = make_episode(sampler.store, assay, draw, reads, device)
            losses.append(_backward(learner, episode, n_slots))
        return _sum(losses)
    _seed(learner.device, sampler.seed, step, slots[0])
    if known is not None:
        return _sum(_backward(learner, _episode(one, *known), n_slots) for one in drawn)
    numbers = np.unique(np.concatenate([_molecules(one) for one in drawn]))
    vectors = torch.cat(
        [
            learner.encode(batch)
            for batch in batches(learner.encoder, sampler.store, numbers, learner.device)
        ]
    )
    # The encoder's backward pass runs once, after all episodes have said what they want of it.
    wanted = vectors.detach().requires_grad_(vectors.requires_grad)
    losses = [_backward(learner, _episode(one, wanted, numbers), n_slots) for one in drawn]
    if wanted.grad is not None:
        vectors.backward(wanted.grad)  # type: ignore[no-untyped-call]
    return _sum(losses)


def _backward(learner: Learner, episode: Episode, n_slots: int) -> Tensor:
    loss = learner.outer_loss(episode) / n_slots
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _sum(losses: Iterable[Tensor]) -> float:
    """Read off once: every reading makes the host wait for an accelerator."""
    return float(sum(torch.stack(list(losses)).tolist()))


def _molecules(drawn: Drawn) -> NDArray[np.int64]:
    assay, draw = drawn
    molecules: NDArray[np.int64] = assay.molecules[np.concatenate([draw.support, draw.query])]
    return molecules


def _episode(drawn: Drawn, vectors: Tensor, numbers: NDArray[np.int64]) -> Episode:
    """Make the episode of the vectors, (n, d), of the molecules `numbers`, sorted, (n,)."""
    assay, draw = drawn
    support, query = (
        LabelledSet(
            vectors[torch.from_numpy(np.searchsorted(numbers, assay.molecules[rows]))],
            torch.from_numpy(assay.labels[rows]).to(vectors.device),
        )
        for rows in (draw.support, draw.query)
    )
    return Episode(assay.id, support, query)


def _seed(device: torch.device, seed: int, step: int, slot: int) -> None:
    """Let dropout on the device depend on these numbers alone."""
    number = int(np.random.SeedSequence([seed, step, slot]).generate_state(1, np.uint32)[0])
    # Seeding every device there might be takes a third of a millisecond.
    seeded = torch.default_generator if device.type == "cpu" else torch
    seeded.manual_seed(number)

"""Multi-task pre-training: one encoder, and a logistic regression on its vectors for every assay.

The best features for few-shot learning need no episodes: what thousands of assays can be read off
linearly, a new one often can too (Tian et al. 2020, arXiv:2003.11539). An encoder trained so has
seen the labels of its assays; what is meta-trained on it should therefore meet others (`share`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from molmeta.errors import MolmetaError
from molmeta.learning.device import half_precision
from molmeta.learning.embed import batches, embed
from molmeta.models.encoder import Encoder
from molmeta.models.encoders.profiles import Profiles
from molmeta.models.known_assays import KnownAssays
from molmeta.runs.settings import Pretraining
from molmeta.training.checkpoint import load_state
from molmeta.training.division import Division
from molmeta.training.job import Job
from molmeta.training.labels import LabelsByMolecule
from molmeta.training.loop import Loop, warm_cosine
from molmeta.training.readouts import Readouts
from molmeta.training.teacher import LABELS, Teacher, divide_by_assay

PRETRAINING = "pretraining"

Chunks = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The molecules of a step, by position, and which chunk each belongs to, from 0; each (n,)."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The progress after a pass over the molecules.

    Attributes:
        number: Epochs done.
        of: Epochs altogether.
        loss: Mean loss of a label in this epoch.
        seconds: This epoch's.
    """

    number: int
    of: int
    loss: float
    seconds: float


class Pretrainer(Loop):
    """Trains an encoder on every label of its assays at once, in place.

    Each assay has a weight vector on the encoder's vectors, a part of which it may share with
    others; it is dropped afterwards unless known assays are wanted. The state is saved after every
    epoch; what a stop loses is the epoch that was under way.

    Args:
        encoder: Trained in place.
        assays: Those of `first` are learned from.
        folder: Where the state is saved.
        seed: Of the order of molecules and of dropout.
        settings: The recipe's.
        teacher: What it learns beside the labels; None for these alone.
        final: Do the final epochs, on all assays.
    """

    def __init__(
        self,
        encoder: Encoder,
        assays: Division,
        folder: Path,
        seed: int,
        settings: Pretraining,
        *,
        teacher: Teacher | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(folder / "final" if final else folder, next(encoder.parameters()).device)
        self.encoder = encoder
        self.seed = seed
        self.settings = settings
        self.store = assays.whole if final else assays.first
        self.labels = LabelsByMolecule.of(self.store)
        before_final = settings.epochs - settings.final
        self._first, self._last = (before_final, settings.epochs) if final else (0, before_final)
        self._n_per_epoch = math.ceil(len(self.labels.molecules) / settings.molecules_per_step)
        self.n_steps = settings.epochs * self._n_per_epoch
        # Not what stands beside it: what is there already, the encoder need not learn.
        self._width = encoder.columns.width("vector")
        positions = {assay_id: place for place, assay_id in enumerate(assays.whole.assay_ids)}
        self.places = torch.tensor([positions[assay_id] for assay_id in self.store.assay_ids])
        self.readout = Readouts(
            self._width,
            torch.from_numpy(assays.groups)[self.places],
            int(assays.groups.max(initial=-1)) + 1,
            bool(settings.values),
        ).to(self.device)
        self.teacher = teacher
        self.modules = {"encoder": encoder, "readout": self.readout}
        self.trained = [p for p in encoder.parameters() if p.requires_grad]
        if teacher is not None:
            self.modules["teacher"] = teacher
            self.trained += teacher.parameters()
            self.readout.start_from(teacher.readouts(self.store))
        self._parameters = [*self.trained, *self.readout.parameters()]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=settings.lr, weight_decay=settings.weight_decay, fused=True
        )
        self._order: tuple[int, list[Chunks]] = (-1, [])

    def begin(self, fresh: bool) -> None:
        """Begin with the first epoch."""
        self.encoder.eval()
        self.n_done = self._first * self._n_per_epoch

    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""
        settings = self.settings
        return warm_cosine(step, self.n_steps, settings.lr, settings.warmup, least=0.02)

    def take_step(self, step: int) -> float:
        """Learn from some molecules; this process's share of the mean loss of a label."""
        self.encoder.train()
        torch.manual_seed((self.seed * 1_000_003 + step) * self.workers.size + self.workers.rank)
        epoch, number = divmod(step, self._n_per_epoch)
        if self._order[0] != epoch:
            self._order = epoch, self._divide(np.random.default_rng([self.seed, epoch]))
        loss = self._loss(*self._order[1][number])
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.workers.sum_gradients(self._parameters)
        self.optimizer.step()
        return loss.item()

    def _divide(self, rng: np.random.Generator) -> list[Chunks]:
        """Divide the molecules among an epoch's steps; for a teacher in chunks of one assay."""
        if self.teacher is not None:
            return divide_by_assay(self.store, self.labels.molecules, self._n_per_epoch, rng)
        molecules = rng.permutation(len(self.labels.molecules))
        return [
            (part, np.arange(len(part))) for part in np.array_split(molecules, self._n_per_epoch)
        ]

    def _loss(self, chosen: NDArray[np.int64], chunks: NDArray[np.int64]) -> torch.Tensor:
        n_labels = int(np.diff(self.labels.offsets)[chosen].sum())
        mine = chunks % self.workers.size == self.workers.rank
        own = chosen[mine]
        which, places = self.labels.at(own)
        molecules = self.labels.molecules[own]
        parts = batches(self.encoder, self.store, molecules, self.device)
        with half_precision(self.encoder, self.settings.bf16):
            rows = torch.cat([self.encoder(part) for part in parts]).float()
        loss = self._loss_of_labels(rows[:, : self._width], which, places) / n_labels
        if self.teacher is None:
            return loss
        told = self.teacher.loss(rows, molecules, chunks[mine])
        return LABELS * loss + told * (len(own) / len(chosen))

    def _loss_of_labels(
        self, vectors: torch.Tensor, which: NDArray[np.int64], places: NDArray[np.int64]
    ) -> torch.Tensor:
        """Sum the loss of the labels at `places`, each of the molecule `which`."""
        assays, labels, values = (
            torch.from_numpy(column[places]).to(self.device)
            for column in (self.labels.assays, self.labels.labels, self.labels.values)
        )
        read = vectors[torch.from_numpy(which).to(self.device)]
        return self.readout.loss(read, assays, labels, values, self.settings.values)

    def check_loss(self, loss: float) -> None:
        """Refuse a loss that is not finite; the last whole epoch is saved.

        Raises:
            MolmetaError: If it is not.
        """
        if not math.isfinite(loss):
            raise MolmetaError(
                f"pre-training stopped in epoch {self._epoch(self.n_done)}: the loss is not "
                "finite. Lower pretraining.lr; --resume goes on from the last whole epoch."
            )

    def is_over(self) -> bool:
        """Tell whether the last epoch is done."""
        return self.n_done >= self._last * self._n_per_epoch

    def is_due(self, asked: bool) -> bool:
        """Tell whether an epoch is done."""
        return self.n_done % self._n_per_epoch == 0

    def record(self, losses: list[float], seconds: float, asked: bool) -> Epoch:
        """Save the state after an epoch."""
        self.encoder.eval()
        number = self._epoch(self.n_done - 1)
        self.save(number)
        return Epoch(number, self.settings.epochs, float(np.mean(losses)), seconds)

    def describe_place(self) -> str:
        """Name the epoch of the step that was done."""
        return f"in epoch {self._epoch(self.n_done - 1)} of {self.settings.epochs} of pre-training"

    def _epoch(self, step: int) -> int:
        """Number the epoch of a step, from 1."""
        return step // self._n_per_epoch + 1

    def values(self) -> dict[str, Any]:
        """Give the number of epochs done."""
        return {"epoch": self.n_done // self._n_per_epoch}

    def take_values(self, values: dict[str, Any]) -> None:
        """Go on after the epochs that were done."""
        self.n_done = int(values["epoch"]) * self._n_per_epoch

    @torch.no_grad()
    def fill_profiles(self, profiles: Profiles) -> None:
        """Let the encoder recall what the assays found of their molecules."""
        molecules = self.labels.molecules
        parts = batches(self.encoder, self.store, molecules, self.device)
        which, places = self.labels.at(np.arange(len(molecules)))
        profiles.remember(
            torch.cat([profiles.key(part) for part in parts]),
            which,
            self.labels.assays[places],
            self.labels.labels[places],
        )

    @torch.no_grad()
    def fill_known_assays(self, known: KnownAssays) -> None:
        """Let the assays be known, by their molecules and what is read off them."""
        molecules = self.labels.molecules
        vectors = embed(self.encoder, self.store, molecules, device=self.device)[:, : self._width]
        which, places = self.labels.at(np.arange(len(molecules)))
        known.remember(
            vectors.to(self.device),
            torch.from_numpy(which).to(self.device),
            torch.from_numpy(self.labels.assays[places]).to(self.device),
            self.readout.whole(),
        )


def pretrain(job: Job) -> None:
    """Pre-train the job's encoder; nothing for no epochs.

    The learner's known assays, if it has any, are then those of pre-training. A run whose
    meta-training has begun has all this behind it.
    """
    behind = job.control.resume and load_state(job.run) is not None
    if job.recipe.pretraining.epochs and not behind:
        complete(make_pretrainer(job), job)


def make_pretrainer(job: Job, *, final: bool = False) -> Pretrainer:
    """Make the loop of the job's pre-training, or of its final epochs."""
    return Pretrainer(
        job.learner.encoder,
        job.assays,
        job.run / PRETRAINING,
        job.recipe.training.seed,
        job.recipe.pretraining,
        teacher=job.teacher,
        final=final,
    )


def complete(pretrainer: Pretrainer, job: Job) -> None:
    """Pre-train to the end, and let known assays and molecules be those of this pre-training."""
    pretrainer.run(job.control)
    profiles = job.learner.encoder.activity_profiles
    if profiles is not None:
        pretrainer.fill_profiles(profiles)
    if job.learner.matcher.known_assays is not None:
        pretrainer.fill_known_assays(job.learner.matcher.known_assays)

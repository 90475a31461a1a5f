"""Multi-task pre-training: one encoder, and a logistic regression on its vectors for every assay.

The best features for few-shot learning need no episodes: what thousands of assays can be read off
linearly, a new one often can too (Tian et al. 2020, arXiv:2003.11539). An encoder trained so has
seen the labels of its assays; what is meta-trained on it should therefore meet others (`share`).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molmeta.assays.store import AssayStore
from molmeta.config import Count, CountOrNone, NotNegative, Positive, Recipe, Share
from molmeta.errors import InputError, Interrupted, MolmetaError
from molmeta.meta.checkpoint import damaged_state, load_moments, load_state, moments_of, save_state
from molmeta.meta.device import half_precision
from molmeta.meta.embedding import batches, embed
from molmeta.meta.inner import under
from molmeta.meta.labels import LabelsByMolecule, groups_of
from molmeta.meta.learner import Learner
from molmeta.meta.parallel import Workers
from molmeta.meta.readouts import Readouts
from molmeta.meta.trainer import Trainer
from molmeta.models.encoder import Encoder
from molmeta.models.encoders.profiles import Profiles
from molmeta.models.known_assays import KnownAssays


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a progress display shows after a pass over the molecules.

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


class Pretrainer:
    """Trains an encoder on every label of its assays at once, in place.

    Each assay has a weight vector on the encoder's vectors, a part of which it may share with
    others; it is dropped afterwards unless known assays are wanted. Every epoch is a function of
    the seed and its number, and is saved: a run that was killed goes on from the last whole epoch
    and ends in the same bits.

    Args:
        encoder: Trained in place.
        store: The assays.
        folder: Where the state is saved.
        seed: Of the order of molecules and of dropout.
        epochs: Passes over the molecules; 0 for no pre-training.
        share: The share of the assays that pre-training sees; the others are left to
            meta-training, with no epochs too. With 1 both see all.
        final: How many of the epochs come last, after meta-training, and see the others too.
        split_seed: Which assays these are.
        molecules_per_step: Molecules of a step, all processes together.
        lr: Peak learning rate; warms up linearly, then falls as a cosine to 2 %.
        warmup: Steps of warm-up.
        weight_decay: AdamW's.
        values: Weight of the measured values as a second target, in squared standard deviations.
        groups: Columns of `store.assays`: assays that are alike in one share a part of their weight
            vector, such as those of one target.
        bf16: The encoder's matrix products are in bfloat16 (autocast).
    """

    def __init__(
        self,
        encoder: Encoder,
        store: AssayStore,
        folder: Path,
        seed: int,
        *,
        epochs: CountOrNone = 0,
        share: Share = 1.0,
        final: CountOrNone = 0,
        split_seed: CountOrNone = 0,
        molecules_per_step: Count = 1024,
        lr: Positive = 1e-3,
        warmup: CountOrNone = 200,
        weight_decay: NotNegative = 1e-2,
        values: NotNegative = 0.0,
        groups: tuple[str, ...] = (),
        bf16: bool = False,
    ) -> None:
        self.encoder = encoder
        self.whole = store
        self.folder = folder
        self.seed = seed
        self.epochs = epochs
        self.first, self.last = 0, epochs - final
        self.molecules_per_step = molecules_per_step
        self.lr = lr
        self.warmup = warmup
        self.value_weight = values
        self.bf16 = bf16
        self.device = next(encoder.parameters()).device
        self.workers = Workers.join(self.device)
        self.weight_decay = weight_decay
        # Not what stands beside it: what is there already, the encoder need not learn.
        self._width = encoder.columns.width("vector")
        codes = groups_of(store, groups)
        self._groups, self._n_groups = torch.from_numpy(codes), int(codes.max(initial=-1)) + 1
        self._trained = [p for p in encoder.parameters() if p.requires_grad]
        self._learn(self.divide(store, share, split_seed)[0])

    def _learn(self, store: AssayStore) -> None:
        """Let `store` hold the assays that are learned from, with readouts as they begin."""
        self.store = store
        self.labels = LabelsByMolecule.of(store)
        places = {assay: place for place, assay in enumerate(self.whole.assay_ids)}
        self._places = torch.tensor([places[assay] for assay in store.assay_ids])
        self.readout = Readouts(
            self._width, self._groups[self._places], self._n_groups, bool(self.value_weight)
        )
        self.readout.to(self.device)
        self._parameters = [*self._trained, *self.readout.parameters()]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=self.lr, weight_decay=self.weight_decay, fused=True
        )

    @staticmethod
    def divide(store: AssayStore, share: float, seed: int) -> tuple[AssayStore, AssayStore]:
        """The assays for pre-training and for meta-training; the same ones if `share` is 1.

        Raises:
            InputError: If one of the two would be empty.
        """
        if share == 1:
            return store, store
        order = np.random.default_rng(seed).permutation(len(store))
        n_first = round(share * len(store))
        if not 0 < n_first < len(store):
            raise InputError.of(
                f"pretraining.share: {share}",
                got=f"{len(store)} training assays",
                expected="a share that leaves assays on both sides",
            )
        parts = np.sort(order[:n_first]), np.sort(order[n_first:])
        first, rest = (store.subset([store.assay_ids[i] for i in part]) for part in parts)
        return first, rest

    def run(
        self,
        *,
        resume: bool = False,
        progress: Callable[[Epoch], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train to the last epoch, or to the last before the final ones.

        Args:
            resume: Go on from the last saved epoch, if there is one.
            progress: Called after every epoch.
            stop: Asked after every step; once it says True, the run ends.

        Raises:
            Interrupted: If `stop` said so; what is lost is the epoch that was under way.
            MolmetaError: If the loss is not finite.
        """
        done = (self._load() if resume else 0) or self.first
        own_devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=own_devices):
            for epoch in range(done, self.last):
                started = time.perf_counter()
                loss = self._epoch(epoch, stop)
                if self.workers.leads:
                    save_state(self.folder, epoch + 1, self._tensors(), {"epoch": epoch + 1})
                seconds = time.perf_counter() - started
                progress(Epoch(epoch + 1, self.epochs, loss, seconds))
        self.encoder.eval()

    @torch.no_grad()
    def on_all(self) -> Pretrainer:
        """What does the final epochs: on all assays, from this one's last saved epoch.

        The readouts of assays that were left out begin as the mean of the others.

        Raises:
            InputError: If no epoch is saved, or the state is damaged.
        """
        if not self._load():
            raise damaged_state(self.folder, "no saved epoch")
        final = copy.copy(self)
        final.folder = self.folder / "final"
        final.first, final.last = self.last, self.epochs
        final._learn(self.whole)
        before = dict(self.readout.named_parameters())
        seen = self._places.to(self.device)
        for name, other in final.readout.named_parameters():
            own = before[name]
            moments = self.optimizer.state[own]
            if name.startswith("shared"):
                other.copy_(own)
            else:
                other.copy_(own.mean(0).expand_as(other))
                other[seen] = own
                moments = {
                    kind: moment if kind == "step" else _spread(moment, seen, other)
                    for kind, moment in moments.items()
                }
            final.optimizer.state[other] = moments
        for parameter in self._trained:
            final.optimizer.state[parameter] = self.optimizer.state[parameter]
        return final

    @torch.no_grad()
    def fill(self, profiles: Profiles) -> None:
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
    def tell(self, known: KnownAssays) -> None:
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

    def _epoch(self, epoch: int, stop: Callable[[], bool]) -> float:
        self.encoder.train()
        n_molecules = len(self.labels.molecules)
        order = np.random.default_rng([self.seed, epoch]).permutation(n_molecules)
        n_steps = math.ceil(n_molecules / self.molecules_per_step)
        losses = []
        for number, chosen in enumerate(np.array_split(order, n_steps)):
            step = epoch * n_steps + number
            torch.manual_seed(
                (self.seed * 1_000_003 + step) * self.workers.size + self.workers.rank
            )
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate(step, self.epochs * n_steps)
            loss = self._step(chosen)
            total, asked = self.workers.sum(torch.tensor([loss, float(stop())])).tolist()
            losses.append(total)
            if not math.isfinite(total):
                raise MolmetaError(
                    f"pre-training stopped in epoch {epoch + 1}: the loss is not finite. Lower "
                    "pretraining.lr; --resume goes on from the last whole epoch."
                )
            if asked:
                raise Interrupted(f"stopped in epoch {epoch + 1} of {self.epochs} of pre-training")
        return float(np.mean(losses))

    def _step(self, chosen: NDArray[np.int64]) -> float:
        """One step on these molecules: this process's share of the mean loss of a label."""
        n_labels = int(np.diff(self.labels.offsets)[chosen].sum())
        own = chosen[self.workers.rank :: self.workers.size]
        which, places = self.labels.at(own)
        parts = batches(self.encoder, self.store, self.labels.molecules[own], self.device)
        with half_precision(self.encoder, self.bf16):
            vectors = torch.cat([self.encoder(part)[:, : self._width] for part in parts]).float()
        assays, labels, values = (
            torch.from_numpy(column[places]).to(self.device)
            for column in (self.labels.assays, self.labels.labels, self.labels.values)
        )
        read = vectors[torch.from_numpy(which).to(self.device)]
        summed = self.readout.loss(read, assays, labels, values, self.value_weight)
        loss = summed / n_labels
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.workers.sum_gradients(self._parameters)
        self.optimizer.step()
        return loss.item()

    def _rate(self, step: int, n_steps: int) -> float:
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / n_steps)))

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that the next epoch depends on, by name."""
        tensors = {f"encoder.{name}": t for name, t in self.encoder.state_dict().items()}
        tensors |= {f"readout.{name}": t for name, t in self.readout.state_dict().items()}
        return tensors | moments_of(self.optimizer)

    def _load(self) -> int:
        """Take up the saved state; how many epochs are done."""
        saved = load_state(self.folder)
        if saved is None:
            return 0
        tensors, values = saved
        try:
            self.encoder.load_state_dict(under("encoder.", tensors))
            self.readout.load_state_dict(under("readout.", tensors))
            load_moments(self.optimizer, under("optimizer.", tensors))
            return int(values["epoch"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise damaged_state(self.folder, error) from None


def pretrain(
    learner: Learner,
    store: AssayStore,
    run: Path,
    recipe: Recipe,
    *,
    resume: bool,
    progress: Callable[[Epoch], None],
    stop: Callable[[], bool],
) -> None:
    """Pre-train the encoder as the recipe says, in place; nothing for no epochs.

    The learner's known assays, if it has any, are then those of pre-training. A run whose
    meta-training has begun has all this behind it.
    """
    if not recipe["pretraining"]["epochs"] or (resume and load_state(run) is not None):
        return
    trainer = _pretrainer(learner, store, run, recipe)
    _complete(trainer, learner, resume=resume, progress=progress, stop=stop)


def finish(
    trainer: Trainer,
    store: AssayStore,
    recipe: Recipe,
    *,
    resume: bool,
    progress: Callable[[Epoch], None],
    stop: Callable[[], bool],
) -> float:
    """Do the final epochs of pre-training, on all assays, once meta-training is done.

    What meta-training learned stays: it still suits the vectors of an encoder that goes on for a
    few epochs (docs/model.md). All assays are known then.

    Returns:
        The validation score (mean ΔAUPRC) of the model as it then is; NaN without validation
        assays.

    Raises:
        InputError: If the state that pre-training left in the run folder is lost or damaged.
        Interrupted: If `stop` said so.
    """
    learner = trainer.learner
    trainer.take_best()
    final = _pretrainer(learner, store, trainer.run_folder, recipe).on_all()
    _complete(final, learner, resume=resume, progress=progress, stop=stop)
    return trainer.keep()


def _complete(trainer: Pretrainer, learner: Learner, **how: Any) -> None:
    """Pre-train to the end, and let known assays and molecules be those of this pre-training."""
    trainer.run(**how)
    profiles = learner.encoder.activity_profiles
    if profiles is not None:
        trainer.fill(profiles)
    if learner.matcher.known_assays is not None:
        trainer.tell(learner.matcher.known_assays)


def _pretrainer(learner: Learner, store: AssayStore, run: Path, recipe: Recipe) -> Pretrainer:
    seed, settings = recipe["training"]["seed"], recipe["pretraining"]
    return Pretrainer(learner.encoder, store, run / "pretraining", seed, **settings)


def _spread(rows: Tensor, places: Tensor, like: Tensor) -> Tensor:
    """These rows at these places of a tensor that is zero elsewhere."""
    return torch.zeros_like(like).index_copy(0, places, rows)

"""The trainer: meta-training as a resumable loop over steps of episodes."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from molmeta.assays.store import AssayStore
from molmeta.config import Count, CountOrNone, Fraction, NotNegative, Positive
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import InputError, Interrupted, MolmetaError
from molmeta.meta.checkpoint import (
    SavedState,
    damaged_state,
    load_moments,
    load_state,
    load_tensors,
    moments_of,
    save_state,
    save_tensors,
)
from molmeta.meta.embedding import embed
from molmeta.meta.inner import under
from molmeta.meta.inspection import save_episodes
from molmeta.meta.learner import Learner
from molmeta.meta.outer import Known, accumulate_gradients
from molmeta.meta.parallel import Workers
from molmeta.meta.progress import METRICS, Progress, append, truncate
from molmeta.meta.validation import check_validation, validation_score

Sizes = Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
MODEL, BAD_STEP = "model.safetensors", "bad_step.csv"
_MAX_BAD_STEPS = 10
_N_SAMPLED = 512


@dataclass
class _State:
    """Where the loop stands; everything here is saved with the tensors."""

    step: int = 0
    best: float = math.nan
    bad_validations: int = 0
    seconds: float = 0.0
    skipped: int = 0
    skipped_in_a_row: int = 0


class Trainer:
    """Meta-trains a learner: θ ← θ − β ∇_θ Σᵢ L_Qᵢ(θ′ᵢ), with AdamW as the outer optimiser.

    The weights that are validated and kept are an exponential average of those that are trained.
    Every step is a function of the seed and its number, and the state is saved with every
    validation: a run that was killed and resumed ends in the same bits.

    Args:
        learner: Trained in place.
        train: Training assays.
        valid: Validation assays, which choose the checkpoint; None keeps the last.
        run: The run folder.
        steps: Outer steps.
        assays_per_step: Episodes whose outer gradients are averaged into a step.
        support_sizes: Sizes of the support set; each episode draws one.
        query_size: Molecules of the query set, at most.
        assay_weight: How much more often large assays are drawn: the power of an assay's size that
            its probability is proportional to. 0 draws all assays alike, 1 all measurements.
        lr: Peak outer learning rate β; warms up linearly, then falls as a cosine to 1 %.
        encoder_rate: The encoder's learning rate as a share of `lr`: below 1 for one that is
            pre-trained, 0 for one that stays as it is: its vectors are then computed once, before
            the first step, and have no dropout.
        warmup: Steps of warm-up.
        weight_decay: AdamW's, on matrices only.
        clip: Largest norm of the outer gradient.
        average: Decay of the averaged weights.
        log_every: Steps between rows of `metrics.csv`.
        valid_every: Steps between validations, each of which saves the state.
        valid_support_sizes: Support sizes of the validation score.
        valid_draws: Draws a validation assay and size.
        patience: Stop after so many validations without a better score; 0 never stops early.
        seed: Of weights, episodes and dropout.

    Raises:
        InputError: If the training or the validation assays are too small for their support sizes,
            or the encoder stays as it is although the inner loop moves it.
    """

    def __init__(
        self,
        learner: Learner,
        train: AssayStore,
        valid: AssayStore | None,
        run: Path,
        *,
        steps: Count = 5000,
        assays_per_step: Count = 16,
        support_sizes: Sizes = (16,),
        query_size: Count = 32,
        assay_weight: NotNegative = 0.0,
        lr: Positive = 3e-4,
        encoder_rate: NotNegative = 1.0,
        warmup: CountOrNone = 100,
        weight_decay: NotNegative = 1e-2,
        clip: Positive = 1.0,
        average: Fraction = 0.998,
        log_every: Count = 25,
        valid_every: Count = 250,
        valid_support_sizes: Sizes = (16,),
        valid_draws: Count = 3,
        patience: CountOrNone = 0,
        seed: CountOrNone = 0,
    ) -> None:
        if valid is not None:
            check_validation(valid, valid_support_sizes)
        if not (encoder_rate or learner.embeds_once):
            raise InputError.of(
                "training.encoder_rate: 0",
                got="a learner.adapt by which the encoder adapts to each assay",
                fix="Let the matcher alone adapt, or let the encoder be trained.",
            )
        self.learner = learner
        self.valid = valid
        self.run_folder = run
        self.steps = steps
        self.assays_per_step = assays_per_step
        self.lr = lr
        self.warmup = warmup
        self.clip = clip
        self.average = average
        self.log_every = log_every
        self.valid_every = valid_every
        self.valid_support_sizes = valid_support_sizes
        self.valid_draws = valid_draws
        self.patience = patience
        self.seed = seed
        self.device = next(learner.parameters()).device
        self.workers = Workers.join(self.device)
        self.sampler = EpisodeSampler(train, support_sizes, query_size, seed, assay_weight)
        self.weight_decay = weight_decay
        self.encoder_rate = encoder_rate
        self._state = _State()
        self._known: Known | None = None
        self._resting: list[nn.Parameter] = []

    def run(
        self,
        *,
        resume: bool = False,
        centre: bool = True,
        progress: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> float:
        """Train to the last step, or until patience runs out.

        Args:
            resume: Go on from the run folder's saved state, if it has one.
            centre: Begin with the molecules' vectors projected around zero; not for a projection
                that has been trained already.
            progress: Called with every row of `metrics.csv`.
            stop: Asked after every step; once it says True, the state is saved and the run ends.

        Returns:
            The best validation score; NaN without validation assays.

        Raises:
            Interrupted: If `stop` said so.
            MolmetaError: If ten steps in a row had no finite gradient.
        """
        self._begin(load_state(self.run_folder) if resume else None, centre)
        if self.workers.leads:
            truncate(self.run_folder / METRICS, self._state.step)
        own_devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=own_devices):
            self._loop(progress, stop)
        return self._state.best

    def take_best(self) -> None:
        """Let the learner have the weights of the run's model, and its encoder learn again."""
        for parameter in self._resting:
            parameter.requires_grad_(True)
        self.workers.sum(torch.zeros(1))  # which the leader has written by then
        self.learner.load_state_dict(load_tensors(self.run_folder / MODEL))

    def keep(self) -> float:
        """Make the learner as it is now the run's model, training being over; its score."""
        self.averaged, self._state.best = self.learner.eval(), math.nan
        return self._validate()

    def _begin(self, saved: SavedState | None, centre: bool) -> None:
        """Set up what is trained: afresh, or where a saved state left it."""
        if saved is None and centre:
            self.learner.matcher.centre(self._sample_embeddings(_N_SAMPLED))
        self.averaged = copy.deepcopy(self.learner).eval()
        if not self.encoder_rate:
            self._resting = [p for p in self.learner.encoder.parameters() if p.requires_grad]
            self.learner.encoder.requires_grad_(False)
        self._parameters = [p for p in self.learner.parameters() if p.requires_grad]
        groups = _groups(self.learner, self.weight_decay, self.encoder_rate)
        self.optimizer = torch.optim.AdamW(groups, lr=self.lr, fused=True)
        if saved is not None:
            self._load(*saved)
        if not self.encoder_rate:
            molecules = self._molecules()
            self._known = self._embed(molecules), molecules

    def _sample_embeddings(self, n: int) -> Tensor:
        """What the untrained encoder makes of n training molecules at most, shape (n, dim)."""
        rng = np.random.default_rng(self.seed)
        return self._embed(rng.permutation(self._molecules(_N_SAMPLED))[:n])

    def _molecules(self, n_assays: int | None = None) -> NDArray[np.int64]:
        """The molecules of the first assays, by default of all, sorted."""
        assays = [self.sampler.store.assay(int(i)) for i in self.sampler.assays[:n_assays]]
        return np.unique(np.concatenate([assay.molecules[assay.kept] for assay in assays]))

    def _embed(self, molecules: NDArray[np.int64]) -> Tensor:
        """The encoder's vectors of these molecules as in use, without dropout, (n, dim)."""
        encoder = self.learner.encoder.eval()
        return embed(encoder, self.sampler.store, molecules, device=self.device).to(self.device)

    def _loop(self, progress: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        state, losses, started = self._state, [], time.perf_counter()
        while state.step < self.steps and state.bad_validations < (self.patience or math.inf):
            loss, norm = self._step(state.step)
            loss, asked = self.workers.sum(torch.tensor([loss, float(stop())])).tolist()
            losses.append(loss)
            state.step += 1
            validate = state.step % self.valid_every == 0 or state.step == self.steps
            if not (asked or validate or state.step % self.log_every == 0):
                continue
            seconds = time.perf_counter() - started
            state.seconds += seconds
            row = Progress(
                step=state.step,
                loss=float(np.mean(losses)),
                gradient_norm=norm,
                lr=self._rate(state.step - 1),
                episodes_per_second=len(losses) * self.assays_per_step / seconds,
                seconds=state.seconds,
                valid_delta_auprc=self._validate() if validate else math.nan,
                best=state.best,
                skipped=state.skipped,
            )
            self._record(row, save=bool(validate or asked))
            progress(row)
            if asked:
                raise Interrupted(f"stopped after step {state.step} of {self.steps}")
            losses, started = [], time.perf_counter()

    def _step(self, step: int) -> tuple[float, float]:
        """One outer step: this process's share of the mean loss, and the gradient's norm."""
        self.learner.train()
        self.optimizer.zero_grad()
        total = accumulate_gradients(
            self.learner,
            self.sampler,
            step=step,
            slots=self.workers.share(self.assays_per_step),
            n_slots=self.assays_per_step,
            known=self._known,
        )
        self.workers.sum_gradients(self._parameters)
        norm = float(nn.utils.clip_grad_norm_(self._parameters, self.clip))
        bad_losses = self.workers.sum(torch.tensor(float(not math.isfinite(total))))
        self._update(step, math.nan if bad_losses else norm)
        return total, norm

    def _update(self, step: int, norm: float) -> None:
        """Move the weights and their average, unless the gradient (or the loss) is not finite."""
        state = self._state
        if not math.isfinite(norm):
            state.skipped += 1
            state.skipped_in_a_row += 1
            if state.skipped_in_a_row == _MAX_BAD_STEPS:
                if self.workers.leads:
                    file = self.run_folder / BAD_STEP
                    save_episodes(file, self.sampler, step, self.assays_per_step)
                raise MolmetaError(
                    f"training stopped at step {step}: {_MAX_BAD_STEPS} steps in a row had a loss "
                    f"or gradient that is not finite. Lower training.lr or inner.lr; the last "
                    f"one's episodes are in {BAD_STEP}."
                )
            return
        state.skipped_in_a_row = 0
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step) * group["share"]
        self.optimizer.step()
        # Early averages forget fast, so that they do not hang on to the initial weights.
        decay = min(self.average, (1 + step) / (10 + step))
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.learner.parameters(), strict=True)
            for averaged, current in pairs:
                averaged.lerp_(current, 1 - decay)

    def _rate(self, step: int) -> float:
        """The outer learning rate of a step."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.lr * warm * (0.01 + 0.99 * cosine)

    def _validate(self) -> float:
        """Score the averaged weights; keep them as the run's model if they are the best."""
        state, score = self._state, math.nan
        if self.valid is not None:
            score = 0.0
            if self.workers.leads:
                score = validation_score(
                    self.averaged, self.valid, self.valid_support_sizes, self.valid_draws
                )
            score = float(self.workers.sum(torch.tensor([score], dtype=torch.float64)))
        if math.isnan(score) or not score <= state.best:
            state.best, state.bad_validations = score, 0
            if self.workers.leads:
                save_tensors(self.run_folder / MODEL, self.averaged.state_dict())
        else:
            state.bad_validations += 1
        return score

    def _record(self, row: Progress, *, save: bool) -> None:
        if not self.workers.leads:
            return
        append(self.run_folder / METRICS, row)
        if save:
            save_state(self.run_folder, row.step, self._tensors(), asdict(self._state))

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name."""
        tensors = {f"learner.{name}": t for name, t in self.learner.state_dict().items()}
        tensors |= {f"averaged.{name}": t for name, t in self.averaged.state_dict().items()}
        return tensors | moments_of(self.optimizer)

    def _load(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        try:
            self._state = _State(**values)
            self.learner.load_state_dict(under("learner.", tensors))
            self.averaged.load_state_dict(under("averaged.", tensors))
            load_moments(self.optimizer, under("optimizer.", tensors))
        except (TypeError, ValueError, RuntimeError) as error:
            raise damaged_state(self.run_folder, error) from None


def _groups(learner: Learner, weight_decay: float, encoder_rate: float) -> list[dict[str, object]]:
    """The trained parameters by their weight decay and their share of the learning rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in learner.named_parameters():
        if parameter.requires_grad:
            decay = weight_decay if parameter.ndim > 1 else 0.0
            share = encoder_rate if name.startswith("encoder.") else 1.0
            groups.setdefault((decay, share), []).append(parameter)
    return [
        {"params": members, "weight_decay": decay, "share": share}
        for (decay, share), members in groups.items()
    ]

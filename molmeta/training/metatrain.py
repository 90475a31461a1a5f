"""Meta-training: a learner learns from episodes to learn a new assay."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from molmeta.assays.store import AssayStore
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import MolmetaError
from molmeta.learning.embed import embed
from molmeta.learning.learner import Learner
from molmeta.runs.model import MODEL
from molmeta.runs.settings import Training
from molmeta.tensors import save_tensors
from molmeta.training.bad_step import save_episodes
from molmeta.training.gradients import Known, accumulate_gradients
from molmeta.training.job import Job
from molmeta.training.loop import Loop, warm_cosine
from molmeta.training.progress import METRICS, Progress, append, truncate
from molmeta.training.validation import Validation

BAD_STEP = "bad_step.csv"
_MAX_BAD_STEPS = 10
_N_SAMPLED = 512
_LOG_RATES = 3  # times the rate of single numbers, for the logarithms of learned inner rates


@dataclass
class _State:
    """The values that are saved beside the tensors and the number of steps done."""

    best: float = math.nan
    bad_validations: int = 0
    seconds: float = 0.0
    skipped: int = 0
    skipped_in_a_row: int = 0


class MetaTrainer(Loop):
    """Meta-trains a learner: θ ← θ − β ∇_θ Σᵢ L_Qᵢ(θ′ᵢ), with AdamW as the outer optimiser.

    The weights that are validated and kept are an exponential average of those that are trained.
    The state is saved with every validation.

    Args:
        learner: Trained in place.
        episodes: What it learns from.
        validation: Its assays choose the checkpoint; none keep the last.
        run: The run folder.
        settings: The recipe's.
        centre: Begin with the molecules' vectors projected around zero; not for a projection that
            has been trained already.
    """

    def __init__(
        self,
        learner: Learner,
        episodes: EpisodeSampler,
        validation: Validation,
        run: Path,
        settings: Training,
        *,
        centre: bool = True,
    ) -> None:
        super().__init__(run, learner.device)
        self.learner = learner
        self.validation = validation
        self.settings = settings
        self.n_steps = settings.steps
        self.episodes = episodes
        self._centre = centre
        self._state = _State()
        self._norm = math.nan
        self._known: Known | None = None

    @property
    def best(self) -> float:
        """The best validation score so far; NaN without validation assays."""
        return self._state.best

    def begin(self, fresh: bool) -> None:
        """Centre the projection, and set up the average and the optimiser."""
        if fresh and self._centre:
            self._centre_projection()
        if fresh and self.workers.leads:
            truncate(self.folder / METRICS, 0)
        self.averaged = copy.deepcopy(self.learner).eval()
        self.modules = {"learner": self.learner, "averaged": self.averaged}
        self._parameters = [p for p in self.learner.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self._groups(), lr=self.settings.lr, fused=True)

    def _groups(self) -> list[dict[str, object]]:
        """Group the trained parameters by weight decay and share of the learning rate."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.learner.named_parameters():
            if parameter.requires_grad:
                group = self._decay(name, parameter), self._share(name, parameter)
                groups.setdefault(group, []).append(parameter)
        return [
            {"params": members, "weight_decay": decay, "share": share}
            for (decay, share), members in groups.items()
        ]

    def _decay(self, name: str, parameter: nn.Parameter) -> float:
        """Give a parameter's weight decay: that of matrices, of which learned rates are none."""
        decays = parameter.ndim > 1 and not name.startswith("inner.")
        return self.settings.weight_decay if decays else 0.0

    def _share(self, name: str, parameter: nn.Parameter) -> float:
        """Give a parameter's share of the learning rate."""
        settings = self.settings
        if name.startswith("encoder."):
            return settings.encoder_rate
        if settings.scalar_lr is None:
            return 1.0
        if name.startswith("inner."):
            return _LOG_RATES * settings.scalar_lr / settings.lr
        return settings.scalar_lr / settings.lr if parameter.ndim == 0 else 1.0

    def _centre_projection(self) -> None:
        """Centre the projection on some training molecules."""
        rng = np.random.default_rng(self.settings.seed)
        molecules = rng.permutation(self.molecules(_N_SAMPLED))[:_N_SAMPLED]
        self.learner.matcher.centre(self._embed(molecules))

    def molecules(self, n_assays: int | None = None) -> NDArray[np.int64]:
        """Find the molecules of the first assays, by default of all, sorted."""
        assays = [self.episodes.store.assay(int(i)) for i in self.episodes.assays[:n_assays]]
        return np.unique(np.concatenate([assay.molecules[assay.kept] for assay in assays]))

    def _embed(self, molecules: NDArray[np.int64]) -> Tensor:
        """Embed molecules as in use, without dropout, (n, dim)."""
        encoder = self.learner.encoder.eval()
        return embed(encoder, self.episodes.store, molecules, device=self.device).to(self.device)

    def rate(self, step: int) -> float:
        """Give the outer learning rate of a step."""
        settings = self.settings
        return warm_cosine(step, self.n_steps, settings.lr, settings.warmup, least=0.01)

    def take_step(self, step: int) -> float:
        """Take an outer step; this process's share of the mean loss."""
        if not self.settings.encoder_rate and self._known is None:
            molecules = self.molecules()
            self._known = self._embed(molecules), molecules
        self.learner.train()
        self.optimizer.zero_grad()
        total = accumulate_gradients(
            self.learner,
            self.episodes,
            step=step,
            slots=self.workers.share(self.settings.assays_per_step),
            n_slots=self.settings.assays_per_step,
            known=self._known,
        )
        self.workers.sum_gradients(self._parameters)
        self._norm = float(nn.utils.clip_grad_norm_(self._parameters, self.settings.clip))
        bad_losses = self.workers.sum(torch.tensor(float(not math.isfinite(total))))
        self._update(step, math.nan if bad_losses else self._norm)
        return total

    def _update(self, step: int, norm: float) -> None:
        """Move the weights and their average, unless the gradient (or the loss) is not finite."""
        state = self._state
        if not math.isfinite(norm):
            state.skipped += 1
            state.skipped_in_a_row += 1
            if state.skipped_in_a_row == _MAX_BAD_STEPS:
                self._give_up(step)
            return
        state.skipped_in_a_row = 0
        self.optimizer.step()
        # Early averages forget fast, so that they do not hang on to the initial weights.
        decay = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.learner.parameters(), strict=True)
            for averaged, current in pairs:
                averaged.lerp_(current, 1 - decay)

    def _give_up(self, step: int) -> None:
        if self.workers.leads:
            file = self.folder / BAD_STEP
            save_episodes(file, self.episodes, step, self.settings.assays_per_step)
        raise MolmetaError(
            f"training stopped at step {step}: {_MAX_BAD_STEPS} steps in a row had a loss "
            f"or gradient that is not finite. Lower training.lr or inner.lr; the last "
            f"one's episodes are in {BAD_STEP}."
        )

    def check_loss(self, loss: float) -> None:
        """Accept any loss: a step whose loss is not finite has been skipped."""

    def is_over(self) -> bool:
        """Tell whether the last step is done, or patience has run out."""
        patience = self.settings.patience or math.inf
        return self.n_done >= self.n_steps or self._state.bad_validations >= patience

    def is_due(self, asked: bool) -> bool:
        """Tell whether a row of `metrics.csv` is due."""
        return asked or self._validates() or self.n_done % self.settings.log_every == 0

    def _validates(self) -> bool:
        return self.n_done % self.settings.valid_every == 0 or self.n_done == self.n_steps

    def record(self, losses: list[float], seconds: float, asked: bool) -> Progress:
        """Validate where it is due, and add a row to `metrics.csv`."""
        state = self._state
        state.seconds += seconds
        row = Progress(
            step=self.n_done,
            loss=float(np.mean(losses)),
            gradient_norm=self._norm,
            lr=self.rate(self.n_done - 1),
            episodes_per_second=len(losses) * self.settings.assays_per_step / seconds,
            seconds=state.seconds,
            valid_delta_auprc=self._validate() if self._validates() else math.nan,
            best=state.best,
            skipped=state.skipped,
        )
        if self.workers.leads:
            append(self.folder / METRICS, row)
        if asked or self._validates():
            self.save(self.n_done)
        return row

    def _validate(self) -> float:
        """Score the averaged weights; keep them as the run's model if they are the best."""
        state = self._state
        score = self.validation.score(self.averaged, self.workers)
        if math.isnan(score) or not score <= state.best:
            state.best, state.bad_validations = score, 0
            if self.workers.leads:
                save_tensors(self.folder / MODEL, self.averaged.state_dict())
        else:
            state.bad_validations += 1
        return score

    def describe_place(self) -> str:
        """Name the step that was done."""
        return f"after step {self.n_done} of {self.n_steps}"

    def values(self) -> dict[str, Any]:
        """Give the number of steps done, and what is counted beside it."""
        return {"step": self.n_done, **asdict(self._state)}

    def take_values(self, values: dict[str, Any]) -> None:
        """Go on after the step that was done; rows of later ones are written again."""
        counted = dict(values)
        self.n_done = int(counted.pop("step"))
        self._state = _State(**counted)
        if self.workers.leads:
            truncate(self.folder / METRICS, self.n_done)


def metatrain(job: Job) -> None:
    """Meta-train the job's learner, and keep the best of its averages as the run's model.

    Raises:
        Interrupted: If `stop` said so.
        MolmetaError: If ten steps in a row had no finite gradient.
    """
    settings = job.recipe.training
    with _encoder_at_rest(job.learner, not settings.encoder_rate):
        trainer = MetaTrainer(
            job.learner, job.episodes, job.validation, job.run, settings, centre=job.centre
        )
        trainer.run(job.control)
    job.score = trainer.best


def make_sampler(train: AssayStore, settings: Training) -> EpisodeSampler:
    """Make the stream of training episodes that the settings ask for.

    Raises:
        InputError: If no assay is large enough for the smallest support set.
    """
    return EpisodeSampler(
        train, settings.support_sizes, settings.query_size, settings.seed, settings.assay_weight
    )


@contextmanager
def _encoder_at_rest(learner: Learner, wanted: bool) -> Iterator[None]:
    """While it lasts, leave the encoder as it is, if that is wanted."""
    resting = [p for p in learner.encoder.parameters() if wanted and p.requires_grad]
    for parameter in resting:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in resting:
            parameter.requires_grad_(True)

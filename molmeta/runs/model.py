"""Models: a trained learner with what its run folder says of it.

A run folder holds `model.safetensors`, `config.json` (resolved recipe, feature specification,
standard form of molecules, version), `metrics.csv`, `assays.json` and `molecules.npy` (ids and
molecule identities of the training assays, for leakage checks), `domain.npy` (fingerprints of some
training molecules, for applicability), `README.md` (a model card) and `checkpoints/`; a calibrated
one also `calibration.json`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit

from molmeta.chem.featurize import Featurized, featurize, featurize_stream
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.config import Sections
from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.runs.calibration import Calibration, prior
from molmeta.runs.config import CONFIG, load_config
from molmeta.runs.domain import Domain
from molmeta.runs.joined import JOINED, fill
from molmeta.runs.recipe import build_learner, foreign_parts, resolve_recipe
from molmeta.tensors import load_tensors

MODEL = "model.safetensors"
Floating = TypeVar("Floating", np.float32, np.float64)
_SHIPPED = Path(__file__).resolve().parent.parent / "pretrained"


@dataclass(frozen=True)
class Model:
    """A trained learner, with what its run folder says of it.

    >>> features = load_model("default").featurize(["CCO", "C("])
    >>> features.parsed.tolist()
    [True, False]

    Attributes:
        learner: In evaluation mode.
        recipe: Its sections, complete.
        path: The run folder.
        standardize: What its training molecules were brought to standard form by, which queries
            need too; None: they were as drawn.
        domain: Some of its training molecules; None if the run folder holds none.
        calibration: What held-out assays say of it; None if the run folder says nothing.
    """

    learner: Learner
    recipe: Sections
    path: Path
    standardize: Standardizer | None = STANDARD
    domain: Domain | None = None
    calibration: Calibration | None = None

    @property
    def carries_ratio(self) -> bool:
        """Tell whether scores have the support set's ratio of classes as their prior."""
        return self.learner.matcher.head.carries_ratio

    def prior(self, labels: NDArray[np.float32]) -> float:
        """Give the log-odds that scores have from the ratio of classes, (s,); 0 if from none."""
        return prior(labels) if self.carries_ratio else 0.0

    def calibrate(
        self,
        scores: NDArray[Floating],
        labels: NDArray[np.float32],
        prevalence: float | None = None,
    ) -> NDArray[Floating]:
        """Make log-odds as sure as held-out assays say: slope · score + offset, the same shape.

        What a score says beyond the prior is divided by the temperature; the prior stays, unless
        another share of actives is expected.

        Args:
            scores: What the learner gave.
            labels: Of the support set, shape (s,).
            prevalence: The share of actives to expect; None: that of the support set.
        """
        if self.calibration is not None and not self.learner.continuous:
            slope = 1 / self.calibration.temperature(len(labels))
            scores = slope * scores + (1 - slope) * self.prior(labels)
        return scores if prevalence is None else scores + self.shift(labels, prevalence)

    def shift(self, labels: NDArray[np.float32], prevalence: float | None) -> float:
        """Compute by how much an expected share of actives moves every log-odds."""
        return 0.0 if prevalence is None else float(logit(prevalence)) - self.prior(labels)

    def featurize(
        self,
        smiles: Iterable[object],
        *,
        fingerprints: bool = False,
        identities: bool = False,
        workers: int = 1,
        progress: Callable[[int], None] | None = None,
    ) -> Featurized:
        """Read of SMILES what the encoder needs, in the form that it was trained on.

        Arguments as of `chem.featurize`.
        """
        return featurize(
            smiles, workers=workers, progress=progress, **self._settings(fingerprints, identities)
        )

    def featurize_stream(
        self,
        chunks: Iterable[Iterable[object]],
        *,
        workers: int = 1,
        time_limit: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Featurized]:
        """Read SMILES chunk by chunk in bounded memory; arguments as of `chem.featurize`."""
        return featurize_stream(
            chunks, workers=workers, time_limit=time_limit, progress=progress, **self._settings()
        )

    def _settings(self, fingerprints: bool = False, identities: bool = False) -> dict[str, Any]:
        return {
            "reads": self.learner.encoder.reads | ({"fingerprints"} if fingerprints else set()),
            "identities": identities,
            "standardize": self.standardize,
        }


def load_model(
    run: str | Path, device: str | torch.device = "cpu", *, trust_code: bool = False
) -> Model:
    """Load a model, ready to use.

    >>> model = load_model("default")
    >>> model.learner.encoder.dim, model.calibration is not None
    (1496, True)

    Args:
        run: A run folder, or the name of a model that comes with molmeta.
        device: Where it computes.
        trust_code: Whether parts that are not molmeta's own are imported: their code runs, with
            all your rights.

    Raises:
        InputError: If the folder, its recipe or its weights cannot be used, or it names parts that
            are not molmeta's own and is not trusted; then nothing was imported.
    """
    run = _find(run)
    config = load_config(run)
    foreign = foreign_parts(config["recipe"])
    if foreign and not trust_code:
        raise InputError.of(
            f"model {run}",
            got=f"parts that are not molmeta's own, {', '.join(foreign)}; nothing was imported",
            expected="molmeta's own parts, since importing others runs their code",
            fix="If you trust their code, say trust_code=True (--trust-code).",
        )
    recipe, form = resolve_recipe(config["recipe"]), config.get("standardize")
    learner = build_learner(recipe)
    try:
        if JOINED in config:
            parts = [run.parent / name for name in config[JOINED]]
            fill(learner, *(load_model(part, trust_code=trust_code).learner for part in parts))
        else:
            learner.load_state_dict(load_tensors(run / MODEL))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError.of(
            f"weights {run / MODEL} do not fit the recipe in {CONFIG}",
            got=reason,
            expected="those that were trained by this recipe, in this version of molmeta",
            fix=f"Train the model again, or use the version that {CONFIG} names.",
        ) from None
    return Model(
        learner.to(device).eval(),
        recipe.sections,
        run,
        Standardizer.from_spec(form),
        Domain.load(run),
        Calibration.load(run),
    )


def shipped_models() -> dict[str, Path]:
    """Find the models that come with molmeta: their folders, by name.

    >>> sorted(shipped_models())
    ['default', 'fingerprint', 'graph']
    """
    return {path.parent.name: path.parent for path in _SHIPPED.glob(f"*/{CONFIG}")}


def _find(run: str | Path) -> Path:
    """Find the folder that `run` names: one on disk, else one that comes with molmeta."""
    if Path(run).exists():
        return Path(run)
    shipped = shipped_models()
    if str(run) not in shipped:
        raise InputError.of(
            f"model {run}",
            got="no such run folder",
            expected=" or ".join(
                ["a folder written by `molmeta train`", *map(repr, sorted(shipped))]
            ),
        )
    return shipped[str(run)]

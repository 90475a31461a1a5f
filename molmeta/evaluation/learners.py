"""A trained model as a method of the evaluation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.store import AssayStore
from molmeta.evaluation.leakage import Training
from molmeta.evaluation.protocol import Scale
from molmeta.meta.run import LoadedModel, load_model
from molmeta.meta.scorer import Scorer
from molmeta.meta.trainer import MODEL


@dataclass(frozen=True)
class LearnerMethod:
    """The model of a run folder, adapted to each support set.

    It is sent to worker processes as its path, and loaded where it is first used.

    Attributes:
        name: What tables call it.
        path: The run folder.
        device: Where it computes.
        steps: Inner steps instead of the model's own number.
    """

    name: str
    path: Path
    device: str = "cpu"
    steps: int | None = None

    @property
    def scale(self) -> Scale:
        """The matching head's log-odds."""
        return "log_odds"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of weights, recipe and number of steps."""
        weights = hashlib.sha256((self.path / MODEL).read_bytes()).hexdigest()[:16]
        recipe = {k: v for k, v in self._model.recipe.items() if k != "training"}
        return f"{weights} {json.dumps(recipe, sort_keys=True)} steps={self.steps}"

    @cached_property
    def training(self) -> Training:
        """What the model was trained on."""
        return Training.of_run(self.path)

    def scores(
        self,
        store: AssayStore,
        support: NDArray[np.int64],
        labels: NDArray[np.float32],
        query: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Adapt to the support set, then score the query; see `protocol.Method`."""
        scorer = self._scorers.get(store.path)
        if scorer is None:
            scorer = self._scorers[store.path] = Scorer(self._model.learner, store.graphs)
        adapted = scorer.adapt(support, labels, steps=self.steps)
        return scorer.score(adapted, query).astype(np.float64)

    @cached_property
    def _model(self) -> LoadedModel:
        return load_model(self.path, self.device)

    @cached_property
    def _scorers(self) -> dict[Path, Scorer]:
        return {}

    def __getstate__(self) -> dict[str, object]:
        return {"name": self.name, "path": self.path, "device": self.device, "steps": self.steps}


def model_methods(models: Sequence[str | Path], device: str = "cpu") -> list[LearnerMethod]:
    """The models of these run folders or shipped names, each called by its folder's name.

    Raises:
        InputError: If a model cannot be used.
    """
    paths = [load_model(model).path for model in models]
    return [LearnerMethod(path.name, path, device) for path in paths]

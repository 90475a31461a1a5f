"""A trained model as a method of the evaluation: as it is, and as an encoder to be probed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.evaluation.baselines import make_baselines
from molmeta.evaluation.probe import STRENGTHS, probe_scores
from molmeta.evaluation.protocol import Floats, Ints, Labels, Method, Scale, Task
from molmeta.learning.scorer import Scorer
from molmeta.predict.panel import Panel
from molmeta.predict.value_posterior import SETTINGS, ValuePosterior
from molmeta.runs.model import Model, load_model
from molmeta.runs.seen import load_seen
from molmeta.tensors import digest_tensors

PROBE = "probe"


@dataclass(frozen=True)
class TrainedMethod:
    """A method that uses the model of a run folder.

    It is sent to worker processes as its path, and loaded where it is first used. A molecule of
    a store is embedded at most once in each process.

    Attributes:
        name: What tables call it.
        path: The run folder.
        device: Where it computes.
        trust_code: As of `load_model`.
    """

    name: str
    path: Path
    device: str = "cpu"
    trust_code: bool = False

    @cached_property
    def training(self) -> AssayRecord:
        """The assays that the model was trained on."""
        return load_seen(self.path)

    @cached_property
    def reads(self) -> frozenset[str]:
        """The features that the encoder reads."""
        return self._model.learner.encoder.reads

    @cached_property
    def _model(self) -> Model:
        return load_model(self.path, self.device, trust_code=self.trust_code)

    @cached_property
    def _identity(self) -> str:
        """A hash of the weights, and the recipe that gives them their meaning."""
        digest = digest_tensors(self._model.learner.state_dict())
        weights = bytes(digest.tolist()).hex()[:16]
        recipe = {
            k: v for k, v in self._model.recipe.items() if k not in ("training", "calibration")
        }
        return f"{weights} {json.dumps(recipe, sort_keys=True)}"

    def _scorer(self, store: AssayStore) -> Scorer:
        if store.path not in self._scorers:
            self._scorers[store.path] = Scorer(self._model.learner, store)
        return self._scorers[store.path]

    @cached_property
    def _scorers(self) -> dict[Path, Scorer]:
        return {}

    def __getstate__(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class LearnerMethod(TrainedMethod):
    """The model of a run folder, adapted to each support set.

    Attributes:
        steps: Inner steps instead of the model's own number.
        task: What it predicts.
    """

    steps: int | None = None
    task: Task = "classification"

    @property
    def scale(self) -> Scale:
        """The head's log-odds, calibrated if the model is; values in regression."""
        return "value" if self.task == "regression" else "log_odds"

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, the recipe and the number of steps."""
        calibration = self._model.calibration
        heat = f" temperatures={calibration.temperatures}" if calibration else ""
        if self.task == "regression":
            heat = f" values {SETTINGS}"
        return f"{self._identity} steps={self.steps}{heat}"

    def scores(self, store: AssayStore, support: Ints, labels: Labels, query: Ints) -> Floats:
        """Adapt to the support set, then score the query; see `protocol.Method`."""
        scorer = self._scorer(store)
        if self.task == "regression":
            values = labels.astype(np.float64)
            above = (labels > np.median(labels)).astype(np.float32)
            given = labels if self._model.learner.continuous else above
            adapted = scorer.adapt(support, given, steps=self.steps)
            predicted = ValuePosterior.learn(adapted, values).predict(scorer, query)
            return predicted.as_columns()
        panel = Panel(self._model, [scorer.adapt(support, labels, steps=self.steps)])
        return panel.score_rows(scorer, query, number=np.float64)[:, 0]


@dataclass(frozen=True)
class EncoderProbe(TrainedMethod):
    """The linear probe on the encoder of a run folder.

    Attributes:
        task: What it predicts.
    """

    task: Task = "classification"

    @property
    def scale(self) -> Scale:
        """Probabilities in classification, values in regression."""
        return "value" if self.task == "regression" else "probability"

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, the recipe and the task."""
        return f"probe of {self._identity}, {self.task}, {STRENGTHS}"

    def scores(self, store: AssayStore, support: Ints, labels: Labels, query: Ints) -> Floats:
        """Fit the probe to the support set; see `protocol.Method`."""
        scorer = self._scorer(store)
        known, asked = (
            scorer.vectors(part).numpy().astype(np.float64) for part in (support, query)
        )
        return probe_scores(known, labels.astype(np.float64), asked, self.task)


def model_methods(
    models: Sequence[str | Path],
    device: str = "cpu",
    *,
    task: Task = "classification",
    trust_code: bool = False,
) -> list[LearnerMethod]:
    """Make methods of models, each called by its shipped name, or the name of its run folder.

    Raises:
        InputError: If a model cannot be used.
    """
    methods = []
    for model in models:
        path, folder = load_model(model, trust_code=trust_code).path, Path(model)
        name = path.name if folder.exists() else str(model)
        methods.append(LearnerMethod(name, path, device, trust_code, task=task))
    return methods


def named_methods(
    names: Sequence[str],
    task: Task = "classification",
    device: str = "cpu",
    *,
    trust_code: bool = False,
) -> list[Method]:
    """Baselines by name; `probe:MODEL` is the linear probe on a model's encoder.

    Raises:
        InputError: If there is none of a name, or it cannot do the task.
    """
    methods: list[Method] = []
    for name in names:
        kind, colon, model = name.partition(":")
        if colon and kind == PROBE:
            path = load_model(model, trust_code=trust_code).path
            methods.append(EncoderProbe(f"{PROBE}:{path.name}", path, device, trust_code, task))
        else:
            methods += make_baselines([name], task)
    return methods

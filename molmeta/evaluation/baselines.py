"""Baselines: methods that learn from a support set alone, without training assays.

They read ECFP counts, as FS-Mol's published baselines do, and whatever they tune is tuned on the
support set alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.chem.fingerprint import tanimoto
from molmeta.config import unknown
from molmeta.errors import InputError
from molmeta.evaluation.forest import forest_means, tuned_forest_means
from molmeta.evaluation.protocol import Floats, Ints, Labels, Scale, Task
from molmeta.models.gaussian_process import predict_normal


@dataclass(frozen=True, kw_only=True)
class Baseline(ABC):
    """A method that reads fingerprints and was not trained on anything.

    Attributes:
        name: Its name in tables.
        task: The task.
        tasks: Those it can do.
        reads: Fingerprints alone.
    """

    name: str
    task: Task = "classification"
    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")
    reads: ClassVar[tuple[str, ...]] = ("fingerprints",)

    @property
    def scale(self) -> Scale:
        """Name the scale: probabilities in classification, values in regression."""
        return "value" if self.task == "regression" else "probability"

    @property
    def fingerprint(self) -> str:
        """Write the class and its settings."""
        return repr(self)

    @property
    def training(self) -> AssayRecord | None:
        """Return None: it was trained on no assay."""
        return None

    def scores(self, store: AssayStore, support: Ints, labels: Labels, query: Ints) -> Floats:
        """See `Method.scores`."""
        fingerprints = store.fingerprints
        return self.predict(fingerprints[support], labels.astype(np.float64), fingerprints[query])

    @abstractmethod
    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """Score molecules; see `Method.scores`.

        Args:
            known: ECFP counts of the support set, shape (s, size).
            labels: Its labels or values, shape (s,).
            query: ECFP counts, shape (q, size).
        """


@dataclass(frozen=True, kw_only=True)
class Constant(Baseline):
    """Floats every molecule by the support set's prevalence, or its mean value."""

    name: str = "constant"

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        return np.full(query.shape[0], labels.mean())


@dataclass(frozen=True, kw_only=True)
class RandomForest(Baseline):
    """A random forest of 100 trees, √2048 features a split, nothing tuned.

    Attributes:
        min_samples_leaf: Fewest molecules in a leaf; FS-Mol's grid has 2 and 5.
    """

    name: str = "rf"
    min_samples_leaf: int = 2

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        return forest_means(_dense(known), labels, _dense(query), self.min_samples_leaf)


@dataclass(frozen=True, kw_only=True)
class TunedForest(Baseline):
    """FS-Mol's random forest: its published grid, searched within every support set."""

    name: str = "rf-grid"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        return tuned_forest_means(_dense(known), labels, _dense(query))


@dataclass(frozen=True, kw_only=True)
class NearestNeighbours(Baseline):
    """The mean label of the k nearest support molecules, by Euclidean distance as in FS-Mol.

    Attributes:
        k: Number of neighbours.
    """

    name: str = "knn"
    k: int = 4

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        values = self.task == "regression"
        kind = KNeighborsRegressor if values else KNeighborsClassifier
        model, asked = kind(min(self.k, len(labels)), algorithm="brute"), _dense(query)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            model.fit(_dense(known), labels if values else labels > 0.5)
            said = model.predict(asked) if values else model.predict_proba(asked)[:, 1]
        return np.asarray(said, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class LogisticFingerprint(Baseline):
    """Logistic regression on the square roots of counts.

    Attributes:
        C: Inverse strength of the penalty. Between 0.01 and 1 it hardly matters; choosing it by
            cross-validation within 16 molecules earns less than any of these.
    """

    name: str = "logistic"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    C: float = 0.1

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        known, query = known.astype(np.float64).sqrt(), query.astype(np.float64).sqrt()
        kernel, cross = ((left @ known.T).toarray() for left in (known, query))
        return logistic_probabilities(kernel, labels, cross, self.C)


@dataclass(frozen=True, kw_only=True)
class SimilaritySearch(Baseline):
    """The Tanimoto similarity to the nearest active minus that to the nearest inactive.

    The similarity to the actives alone, which is what a chemist looks at first, earns a third
    less on FS-Mol's validation assays.

    >>> from rdkit import Chem
    >>> from molmeta.chem.fingerprint import ecfp
    >>> known, query = (
    ...     ecfp(map(Chem.MolFromSmiles, smiles)) for smiles in (["CCO", "CCN"], ["CCCO", "CCCN"])
    ... )
    >>> SimilaritySearch().predict(known, np.array([1.0, 0.0]), query).round(2).tolist()
    [0.25, -0.25]
    """

    name: str = "simsearch"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    @property
    def scale(self) -> Scale:
        """Name the scale: a difference of similarities is no probability."""
        return "ranking"

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        similarity = tanimoto(query, known)
        active, inactive = similarity[:, labels > 0.5], similarity[:, labels <= 0.5]
        difference: Floats = active.max(axis=1) - inactive.max(axis=1)
        return difference


@dataclass(frozen=True, kw_only=True)
class SoftSimilaritySearch(Baseline):
    """A matching network without learning: attention by Tanimoto similarity to the support set.

    P(active) = Σᵢ a(x, xᵢ) yᵢ, where a is a softmax over the support set of
    sharpness · similarity (Vinyals et al., 2016, arXiv:1606.04080).

    Attributes:
        sharpness: Inverse temperature of the attention.
    """

    name: str = "simsearch-soft"
    sharpness: float = 5.0

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        logits = self.sharpness * tanimoto(query, known)
        attention = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: Floats = attention @ labels / attention.sum(axis=1)
        return mean


@dataclass(frozen=True, kw_only=True)
class GaussianProcess(Baseline):
    """A Gaussian process with a Tanimoto kernel; classes are regressed on as values 0 and 1."""

    name: str = "gp"

    def predict(self, known: csr_matrix, labels: Floats, query: csr_matrix) -> Floats:
        """See `Baseline.predict`."""
        kernel, cross = tanimoto(known, known), tanimoto(query, known)
        found = predict_normal(kernel, labels, cross, np.ones(len(cross)))
        return found if self.task == "regression" else np.clip(found[:, 0], 0.0, 1.0)


BASELINES: dict[str, Callable[[Task], Baseline]] = {
    "constant": lambda task: Constant(task=task),
    "rf": lambda task: RandomForest(task=task),
    "rf-leaf1": lambda task: RandomForest(task=task, name="rf-leaf1", min_samples_leaf=1),
    "rf-grid": lambda task: TunedForest(task=task),
    "knn": lambda task: NearestNeighbours(task=task),
    "logistic": lambda task: LogisticFingerprint(task=task),
    "simsearch": lambda task: SimilaritySearch(task=task),
    "simsearch-soft": lambda task: SoftSimilaritySearch(task=task),
    "gp": lambda task: GaussianProcess(task=task),
}
"""How to make each baseline, by name."""


def make_baselines(names: Iterable[str], task: Task = "classification") -> list[Baseline]:
    """Make the baselines of these names.

    >>> [baseline.name for baseline in make_baselines(["rf", "simsearch"])]
    ['rf', 'simsearch']

    Raises:
        InputError: If there is none of a name, or it cannot do the task.
    """
    made = []
    for name in names:
        if name not in BASELINES:
            raise unknown("baseline", name, BASELINES)
        baseline = BASELINES[name](task)
        if task not in baseline.tasks:
            raise InputError.of(f"baseline {name}", got=task, expected=" or ".join(baseline.tasks))
        made.append(baseline)
    return made


def logistic_probabilities(kernel: Floats, labels: Floats, cross: Floats, C: float) -> Floats:
    """Compute probabilities of being active by penalized logistic regression, shape (q,).

    The penalty does not feel rotations, so that the support set's own axes serve as well as the
    features': s dimensions instead of thousands, and the same solution.

    Args:
        kernel: Inner products between molecules of the support set, shape (s, s).
        labels: Shape (s,).
        cross: Inner products between queries and support set, shape (q, s).
        C: Inverse strength of the penalty.
    """
    squares, axes = np.linalg.eigh(kernel)
    spanned = squares > max(1e-10 * squares[-1], 1e-12)
    if not spanned.any():  # all molecules are the same to the kernel
        return np.full(len(cross), labels.mean())
    lengths, axes = np.sqrt(squares[spanned]), axes[:, spanned]
    model = LogisticRegression(C=C, solver="newton-cholesky").fit(axes * lengths, labels > 0.5)
    probabilities: Floats = model.predict_proba(cross @ axes / lengths)[:, 1]
    return probabilities


def _dense(counts: csr_matrix) -> NDArray[np.float32]:
    return np.asarray(counts.toarray(), dtype=np.float32)

"""Learnt assays, also in files: a support set and what a model made of it, without the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch

from molmeta import __version__
from molmeta.assays.store import AssayStore
from molmeta.assays.support import Support
from molmeta.errors import InputError
from molmeta.learning.adapted import Adapted
from molmeta.predict.adapted_assay import AdaptedAssay
from molmeta.predict.estimators import FewShotClassifier
from molmeta.predict.learnt_file import ACTIVE, BOUNDS, FORMAT, HEADER, VALUES, LearntFile, damaged
from molmeta.predict.panel import Panel, check_classes, identity_of
from molmeta.predict.table import learn
from molmeta.runs.model import Model
from molmeta.tensors import load_tensors, save_tensors


@dataclass(frozen=True)
class LearntAssay:
    """A classifier that has learnt an assay; a file keeps it.

    >>> from molmeta.runs import load_model
    >>> model = load_model("default")
    >>> learnt = FewShotClassifier(model).fit(["CCO", "CCN", "CCC", "CCCC"], [1, 1, 0, 0])
    >>> LearntAssay("mine", learnt).save("mine.molmeta")
    >>> again = LearntAssay.load("mine.molmeta", model)
    >>> again.name, (again.classifier.log_odds(["OCC"]) == learnt.log_odds(["OCC"])).all().item()
    ('mine', True)

    Attributes:
        name: The assay's.
        classifier: Fitted.
        measured: The exact value of each molecule that is measured, NaN where there is none; also
            of those that were not learnt from.
        names: Of the molecules that were learnt from; none if nobody knows.
    """

    name: str
    classifier: FewShotClassifier
    measured: Mapping[str, float] = field(default_factory=dict)
    names: Sequence[str] = ()

    @classmethod
    def learn(
        cls,
        model: Model,
        support: Support,
        *,
        prevalence: float | None = None,
        labels_only: bool = False,
        workers: int = 1,
    ) -> Self:
        """Learn from a support table; the arguments are those of `predict.learn`.

        Raises:
            InputError: If the support set lacks a class.
        """
        check_classes(support.assay_id, support.labels[support.kept])
        classifier = learn(
            model, support, prevalence=prevalence, labels_only=labels_only, workers=workers
        )
        unread = {place for place, _ in classifier.rejected_}
        names = [name for i, name in enumerate(support.kept_names()) if i not in unread]
        return cls(support.assay_id, classifier, support.measured, names)

    @classmethod
    def of_store(
        cls, model: Model, store: AssayStore, *, labels_only: bool = False, workers: int = 1
    ) -> list[Self]:
        """Learn every assay of a store, from what curation kept.

        Raises:
            InputError: If an assay lacks a class.
        """
        learnt = []
        for assay in store:
            kept, values = assay.kept, assay.exact_values
            smiles = [store.smiles[i] if i >= 0 else "" for i in assay.molecules.tolist()]
            labels = assay.labels[kept]
            check_classes(assay.id, labels)
            told = () if labels_only else (values[kept], assay.bounds[kept])
            classifier = FewShotClassifier(model, workers=workers).fit(
                [smiles[i] for i in np.flatnonzero(kept)], labels.astype(int), *told
            )
            shown = np.where(kept, values, np.nan).tolist()
            measured = [(s, v, k) for s, v, k in zip(smiles, shown, kept, strict=True) if s]
            measured.sort(key=lambda one: one[2])  # of repeats the one that is kept counts
            learnt.append(cls(assay.id, classifier, {s: v for s, v, _ in measured}))
        return learnt

    def save(self, file: Path | str) -> None:
        """Write what was learnt; safetensors, with the molecules as JSON in its header."""
        known, classifier = self.classifier.known_, self.classifier
        tensors = known.adapted.tensors() | {ACTIVE: torch.from_numpy(known.labels)}
        for name, numbers in ((VALUES, known.values), (BOUNDS, known.bounds)):
            if numbers is not None:
                tensors[name] = torch.from_numpy(numbers)
        header = {
            "format": FORMAT,
            "version": __version__,
            "model": known.model.path.name,
            "assay": self.name,
            "smiles": known.smiles,
            "measured": {s: None if np.isnan(v) else v for s, v in self.measured.items()},
            "names": list(self.names),
            "classes": classifier.classes_.tolist(),
            "active": int(classifier.classes_[1] == classifier.active_class_),
            "steps": classifier.steps,
            "prevalence": classifier.prevalence,
        }
        save_tensors(Path(file), tensors, {HEADER: json.dumps(header)})

    @staticmethod
    def load(file: Path | str, model: Model, *, workers: int = 1) -> LearntAssay:
        """Read what `save` wrote.

        Args:
            file: Its file.
            model: The model that had learnt.
            workers: As of `FewShotClassifier`.

        Raises:
            InputError: If the file is damaged or something else, or another model had learnt.
        """
        file = Path(file)
        found, tensors = LearntFile.read(file), load_tensors(file)
        try:
            adapted = Adapted.of_tensors(tensors, model.learner, str(file))
        except InputError as error:
            named = f"It was learnt by the model {found.model!r} (--model)."
            raise InputError(f"{error} {named}") from None
        features = model.featurize(found.smiles, fingerprints=True, identities=True)
        lengths = {len(found.smiles), len(adapted.support), len(adapted.labels)}
        if len(lengths) > 1 or not features.parsed.all():
            raise damaged(file, "molecules and numbers that do not belong together")
        labels = found.active.astype(np.float32)
        given = labels, found.steps, found.values, found.bounds
        known = AdaptedAssay(model, found.smiles, features, *given)
        known.__dict__["adapted"] = adapted  # what the cached property would compute
        classifier = FewShotClassifier(
            model, steps=found.steps, prevalence=found.prevalence, workers=workers
        )
        classifier.classes_ = np.array(found.classes)
        classifier.active_class_ = classifier.classes_[found.active_class]
        classifier.known_, classifier.rejected_ = known, []
        return LearntAssay(found.name, classifier, found.measured, found.names)


def panel_of(learnt: Sequence[LearntAssay]) -> Panel:
    """Make a panel of assays that one model has learnt.

    >>> learnt = FewShotClassifier().fit(["CCO", "CCN", "CCC", "CCCC"], [1, 1, 0, 0])
    >>> panel_of([LearntAssay("mine", learnt)]).assays
    ('mine',)

    Raises:
        InputError: If there is none, or two have one name.
    """
    counts = Counter(one.name for one in learnt)
    if repeated := [name for name, n in counts.items() if n > 1]:
        raise InputError.of(
            f"support set {repeated[0]}",
            got="two assays of that name",
            expected="different names",
            fix="Leave one out; a learnt assay has the name of the table that it was learnt from.",
        )
    if not learnt:
        raise InputError.of("support", got="no assay", expected="at least one")
    fitted = [one.classifier for one in learnt]
    model, told = fitted[0].known_.model, []
    for name, one in zip(counts, fitted, strict=True):
        settings = [one.steps, one.prevalence]
        own = settings if settings != [None, None] else []
        told.append([name, one.known_.smiles, one.known_.adapted.labels.tolist(), *own])
    adapted = [one.known_.adapted for one in fitted]
    shares = [one.prevalence for one in fitted]
    return Panel(model, adapted, counts, identity_of(model, told), shares)

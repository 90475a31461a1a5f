"""Learnt assays in files: a support set and what a model made of it, without the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from molmeta import __version__
from molmeta.errors import InputError
from molmeta.learning.adapted import Adapted
from molmeta.predict.adapted_assay import AdaptedAssay
from molmeta.predict.estimators import FewShotClassifier
from molmeta.runs.model import Model
from molmeta.tensors import load_tensors, read_header, save_tensors

_FORMAT = 1
_HEADER = "molmeta"


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
        looked_at: Molecules that are measured too, and were not learnt from.
    """

    name: str
    classifier: FewShotClassifier
    looked_at: Sequence[str] = ()

    def save(self, file: Path | str) -> None:
        """Write what was learnt; safetensors, with the molecules as JSON in its header."""
        known, classifier = self.classifier.known_, self.classifier
        tensors = known.adapted.tensors() | {"active": torch.from_numpy(known.labels)}
        for name, numbers in (("values", known.values), ("bounds", known.bounds)):
            if numbers is not None:
                tensors[name] = torch.from_numpy(numbers)
        header = {
            "format": _FORMAT,
            "version": __version__,
            "model": known.model.path.name,
            "assay": self.name,
            "smiles": known.smiles,
            "looked_at": list(self.looked_at),
            "classes": classifier.classes_.tolist(),
            "active": int(classifier.classes_[1] == classifier.active_class_),
            "steps": classifier.steps,
            "prevalence": classifier.prevalence,
        }
        save_tensors(Path(file), tensors, {_HEADER: json.dumps(header)})

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
        header, tensors = _read_header(file), load_tensors(file)
        smiles = header["smiles"]
        try:
            adapted = Adapted.of_tensors(tensors, model.learner, str(file))
        except InputError as error:
            named = f"It was learnt by the model {header['model']!r} (--model)."
            raise InputError(f"{error} {named}") from None
        active = tensors.get("active", torch.empty(0))
        features = model.featurize(smiles, fingerprints=True, identities=True)
        lengths = {len(smiles), len(active), len(adapted.support), len(adapted.labels)}
        if len(lengths) > 1 or not features.parsed.all():
            raise _damaged(file, "molecules and numbers that do not belong together")
        known = AdaptedAssay(
            model,
            smiles,
            features,
            active.numpy(),
            header["steps"],
            *(tensors[name].numpy() if name in tensors else None for name in ("values", "bounds")),
        )
        known.__dict__["adapted"] = adapted  # what the cached property would compute
        classifier = FewShotClassifier(
            model, steps=header["steps"], prevalence=header["prevalence"], workers=workers
        )
        classifier.classes_ = np.array(header["classes"])
        classifier.active_class_ = classifier.classes_[header["active"]]
        classifier.known_, classifier.rejected_ = known, []
        return LearntAssay(header["assay"], classifier, header["looked_at"])


def _read_header(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError.of(str(file), got="no such file", expected="a learnt assay")
    try:
        header = json.loads(read_header(file)[_HEADER])
        fits = isinstance(header["smiles"], list) and len(header["classes"]) == 2
        number = header["format"]
    except (KeyError, TypeError, ValueError) as error:
        got = str(error) if isinstance(error, InputError) else "a file without a learnt assay"
        raise _damaged(file, got) from None
    if number != _FORMAT or not fits:
        raise InputError.of(
            f"learnt assay {file}",
            got=f"format {number}, of molmeta {header.get('version')}",
            expected=f"format {_FORMAT}",
            fix="Learn the assay again, from its table.",
        )
    return dict(header)


def _damaged(file: Path, got: str) -> InputError:
    return InputError.of(
        f"learnt assay {file}", got=got, expected="a file that `molmeta predict --save` wrote"
    )

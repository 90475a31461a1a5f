"""Ranking a library by measured molecules, and why; the model stays in memory between requests."""

import hashlib
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from molmeta.chem.featurize import Featurized, featurize, featurize_stream
from molmeta.chem.molecule import MAX_ATOMS, to_mol
from molmeta.errors import InputError, RejectedWarning
from molmeta.predict import FewShotClassifier
from molmeta.predict.library.suggest import choose
from molmeta.predict.table import measured_at
from molmeta.reporting.molecules import draw
from molmeta.runs import load_model
from molmeta.runs.model import Model

CHUNK = 256
"""Molecules that are answered at a time."""

SECONDS_A_PIECE = 30.0
"""Seconds of the processor's time in which 512 molecules must be read."""

N_REASONS = 6
"""Measured molecules that are shown as a reason."""

MOST_SHADED = 100
"""Atoms of a molecule up to which each is hidden once, to see what it adds."""

_models: dict[str, Model] = {}  # one at most, by its place
_learnt: dict[str, FewShotClassifier] = {}  # likewise, by a digest of what it learnt from


def loaded(model: str) -> Model:
    """Give a model; the one before it is forgotten.

    Raises:
        InputError: As `load_model`.
    """
    if model not in _models:
        _learnt.clear()
        _models.clear()
        _models[model] = load_model(model)
    return _models[model]


def learn(learning: Mapping[str, Any]) -> FewShotClassifier:
    """Learn from measured molecules, or give what was learnt of the same ones just before.

    Labels are graded by the values, None where there is none.

    Args:
        learning: As `Service.learning` gives it: model, support, active, values, prevalence.

    Raises:
        InputError: If they lack a class.
    """
    key = hashlib.sha256(json.dumps(learning).encode()).hexdigest()
    if key not in _learnt:
        classifier = FewShotClassifier(loaded(learning["model"]), prevalence=learning["prevalence"])
        labels, values = np.array(learning["active"], int), np.array(learning["values"], float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RejectedWarning)
            classifier.fit(learning["support"], labels, values)
        _learnt.clear()
        _learnt[key] = classifier
    return _learnt[key]


def rank(
    learning: Mapping[str, Any], molecules: Sequence[str], workers: int
) -> Iterator[dict[str, Any]]:
    """Rank molecules; each step is told as an event, as `answers.Event` describes.

    Raises:
        InputError: If the measured molecules lack a class.
    """
    start = time.monotonic()
    yield {"event": "learning"}
    classifier = learn(learning)
    report = classifier.support_report_
    yield {
        "event": "learned",
        "n_measured": len(classifier.known_.smiles),
        "warnings": report.warnings,
        "total": len(molecules),
    }
    done = 0
    for features in _read(classifier, molecules, workers):
        yield {
            "event": "ranked",
            "first": done,
            "done": done + len(features),
            "total": len(molecules),
            "molecules": _scored(classifier, features),
        }
        done += len(features)
    yield {"event": "finished", "seconds": round(time.monotonic() - start, 1)}


def _read(
    classifier: FewShotClassifier, molecules: Sequence[str], workers: int
) -> Iterator[Featurized]:
    """Read molecules piece by piece in processes, so that one that hangs is rejected."""
    model = classifier.known_.model
    chunks = (molecules[start : start + CHUNK] for start in range(0, len(molecules), CHUNK))
    return featurize_stream(
        chunks,
        reads=model.learner.encoder.reads | {"fingerprints"},
        identities=True,
        standardize=model.standardize,
        workers=workers,
        time_limit=SECONDS_A_PIECE,
    )


def _scored(classifier: FewShotClassifier, features: Featurized) -> list[dict[str, Any]]:
    known = classifier.known_
    scores, near = classifier.score_features(features), known.applicability(features)
    rows: list[dict[Any, Any]] = near.to_dict("records")
    at = measured_at(classifier, features, ())
    place = {smiles: i for i, smiles in enumerate(known.smiles)}
    found: list[dict[str, Any]] = []
    for i, (reason, row) in enumerate(zip(features.reasons, rows, strict=True)):
        if reason:
            found.append({"reason": reason})
            continue
        inside = row["in_domain"]
        found.append(
            {
                "reason": "",
                "score": round(float(scores[i]), 4),
                "p_active": round(float(expit(scores[i])), 4),
                "nearest": place[row["nearest_support"]],
                "similarity": round(float(row["nearest_similarity"]), 3),
                "in_domain": None if pd.isna(inside) else bool(inside),
                "measured": bool(known.labels[at[i]]) if at[i] >= 0 else None,
            }
        )
    return found


def explain(learning: Mapping[str, Any], smiles: str) -> dict[str, Any]:
    """Say why a molecule ranks as it does, as `answers.Explanation` describes.

    Raises:
        InputError: If the molecule does not parse, or the measured ones lack a class.
    """
    mol = to_mol(smiles, MAX_ATOMS)
    if isinstance(mol, str):
        raise InputError.of(f"molecule {smiles!r}", got=mol, expected="a molecule that parses")
    classifier = learn(learning)
    deciding = classifier.explain([smiles], top=N_REASONS)
    rows: list[dict[Any, Any]] = deciding.to_dict("records")
    form, shades = smiles, np.zeros(0)
    if mol.GetNumAtoms() <= MOST_SHADED:
        ((form, atoms),) = classifier.atom_contributions([smiles])
        shades = atoms / max(np.abs(atoms).max(initial=0.0), 1e-9)
    return {
        "drawing": str(draw(form, shades=shades.tolist())),
        "is_shaded": bool(len(shades)),
        "reasons": [
            {
                "smiles": row["support_smiles"],
                "active": bool(row["support_label"] == 1),
                "weight": round(float(row["weight"]), 4),
                "similarity": round(float(row["similarity"]), 3),
            }
            for row in rows
        ],
    }


def suggest(smiles: Sequence[str], scores: Sequence[float], n: int, strategy: str) -> list[int]:
    """Choose the positions of those to measure next among ranked ones; see `suggest.choose`.

    Raises:
        InputError: If there is no such strategy.
    """
    features = featurize(smiles, reads=["fingerprints"], identities=False)
    fine = np.flatnonzero(features.parsed)
    assert features.fingerprints is not None
    chosen = choose(np.array(scores)[fine], features.fingerprints[fine], n, strategy)
    return [int(position) for position in fine[chosen]]


def warm(model: str) -> None:
    """Load a model before it is asked for."""
    loaded(model)

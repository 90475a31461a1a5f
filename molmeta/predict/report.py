"""Predictions as one HTML page: what is known, the best molecules, and why they are the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from molmeta.chem.molecule import to_mol
from molmeta.chem.repair import respell
from molmeta.predict.explain import Floats
from molmeta.predict.table import OUTPUT_COLUMNS, POSSIBLE, Predictions
from molmeta.reporting import Facts, Molecules, Note, Ranking, Section, Table, write_page
from molmeta.reporting.blocks import Candidate, MoleculeCard, Reason
from molmeta.reporting.molecules import draw

N_DRAWN = 50
"""So many of the best molecules are on the page."""

ANALOGUE = 0.6
"""Similarity with a support molecule from which a molecule counts as its close analogue."""

_N_REASONS, _N_REJECTED, _N_OWN, _LONG = 3, 50, 4, 90
_MOST_SHADED = 150  # atoms: each is hidden once, and what is read of n atoms may cost n² (pairs)
_OWN_NAMES = ("name", "id", "title", "molecule", "compound")


def write_report(predictions: Predictions, assay_id: str, path: Path) -> None:
    """Write the page, which needs no network and no script; every text is escaped.

    Args:
        predictions: As `predict_table` gives them.
        assay_id: What the assay is called.
        path: Where the page goes.
    """
    table = predictions.table
    fine = np.flatnonzero((table["status"] == "ok").to_numpy())
    order = fine[np.argsort(-table["score"].to_numpy()[fine], kind="stable")]
    sections = [
        Section("What is known", _overview(predictions, assay_id)),
        Section("Ranking", [_ranking(predictions, order[:N_DRAWN], len(order))]),
        Section("Support set", [_support(predictions)]),
    ]
    rejected = np.setdiff1d(np.arange(len(table)), fine)
    if len(rejected):
        sections.append(Section("Rejected", [_rejected(predictions, rejected)]))
    subtitle = (
        f"{len(fine):,} molecules ranked by {len(predictions.classifier.known_.smiles)} known ones"
    )
    write_page(path, f"Predictions: {assay_id}", subtitle, sections)


def _overview(predictions: Predictions, assay_id: str) -> list[Facts | Note]:
    classifier, table = predictions.classifier, predictions.table
    report = classifier.support_report_
    counts = _class_counts(predictions)
    facts = {
        "Assay": assay_id,
        "Model": str(classifier.known_.model.path),
        "Support set": f"{counts[1]} active, {counts[0]} inactive",
        "Leave-one-out": ", ".join(f"{k} {v:.2f}" for k, v in report.figures.items()),
        "Expected here": str(report.expected or "unknown: the model is not calibrated"),
        "Predicted": f"{len(table):,} rows, {int((table['status'] != 'ok').sum()):,} rejected",
    }
    if classifier.prevalence is not None:
        facts["Expected actives"] = f"{classifier.prevalence:.3g} of the library (--prevalence)"
    if len(inside := table["in_domain"].dropna()):
        facts["Unlike known and training molecules"] = f"{int((~inside.astype(bool)).sum()):,}"
    return [Facts(facts), *(Note(f"{one[0].upper()}{one[1:]}.") for one in report.warnings)]


def _ranking(predictions: Predictions, best: Any, n_all: int) -> Ranking:
    """The molecules at `best`, positions in the table."""
    classifier, rows = predictions.classifier, predictions.table.iloc[best]
    smiles = [predictions.smiles[i] for i in best]
    atoms = _atoms(predictions, smiles)
    errors = classifier.known_.standard_errors(classifier.featurize(smiles))
    largest = (
        max((float(np.abs(values).max(initial=0.0)) for _, values in atoms), default=0.0) or 1.0
    )
    reasons = _reasons(predictions, smiles)
    candidates = [
        Candidate(
            svg=draw(form, shades=(values / largest).tolist()),
            title=_title(row, i),
            probability=row["p_active"],
            low=float(expit(row["score"] - error)),
            high=float(expit(row["score"] + error)),
            lines=[
                *_lines(row, error, {predictions.smiles[i], _title(row, i), ""}),
                _short(predictions.smiles[i]),
            ],
            reasons=reasons[place],
            lacks=_lacks(row),
        )
        for place, (i, row, error, (form, values)) in enumerate(
            zip(best.tolist(), rows.to_dict("records"), errors, atoms, strict=True)
        )
    ]
    weighed = classifier.known_.model.learner.weighs
    return Ranking(candidates, _filters(candidates), _caption(len(candidates), n_all, weighed))


def _atoms(predictions: Predictions, smiles: Sequence[str]) -> list[tuple[str, Floats]]:
    """Each molecule's SMILES and its atoms' contributions, of which very large ones have none."""
    small = [not isinstance(to_mol(one, _MOST_SHADED), str) for one in smiles]
    asked = [one for one, is_small in zip(smiles, small, strict=True) if is_small]
    given = iter(predictions.classifier.atom_contributions(asked) if asked else [])
    return [
        next(given) if is_small else (respell(one), np.zeros(0))
        for one, is_small in zip(smiles, small, strict=True)
    ]


def _caption(n_shown: int, n_all: int, weighed: bool) -> str:
    why = (
        "Beside it the support molecules that decided the score: how much of the decision each "
        "is, for active (blue) or against (orange)."
        if weighed
        else "Beside it the most similar support molecules (this model weighs none alone)."
    )
    return (
        f"The best {n_shown:,} of {n_all:,}. The bar runs from 0 to 1: the mark is the probability "
        "of being active; the band is one standard error to either side, by leaving support "
        "molecules out. Blue atoms raise the score, orange ones lower it, by how far the score "
        "moves when the atom is hidden, leaving out what the model recalls of the molecule itself. "
        f"{why}"
    )


def _reasons(predictions: Predictions, smiles: Sequence[str]) -> list[list[Reason]]:
    """The deciding support molecules of each molecule."""
    classifier = predictions.classifier
    if not classifier.known_.model.learner.weighs:
        return _most_similar(predictions, smiles)
    why = classifier.explain(smiles, top=_N_REASONS)
    found: list[list[Reason]] = [[] for _ in smiles]
    for one in why.to_dict("records"):
        favours = one["weight"] > 0
        lines = (
            f"{abs(one['weight']):.0%} {'for' if favours else 'against'}",
            f"{_class(predictions, one['support'])}, similarity {one['similarity']:.2f}",
        )
        found[one["molecule"]].append(Reason(f"known-{one['support']}", lines, favours))
    return found


def _most_similar(predictions: Predictions, smiles: Sequence[str]) -> list[list[Reason]]:
    known = predictions.classifier.known_
    similarity = known.similarity(predictions.classifier.featurize(smiles))
    return [
        [
            Reason(
                f"known-{i}",
                (f"{_class(predictions, i)}, similarity {row[i]:.2f}",),
                bool(known.labels[i] == 1),
            )
            for i in np.argsort(-row, kind="stable")[:_N_REASONS].tolist()
        ]
        for row in similarity
    ]


def _title(row: Mapping[Any, Any], number: int) -> str:
    own = {str(name).casefold(): row[name] for name in row if name not in OUTPUT_COLUMNS}
    named = (own[name] for name in _OWN_NAMES if name in own and not pd.isna(own[name]))
    return next((_short(name) for name in named if str(name).strip()), f"row {number + 1}")


def _lines(row: Mapping[Any, Any], error: float, known: set[str]) -> list[str]:
    """List what is told of a row, its own columns too, without the texts that are `known`."""
    low, high = expit(row["score"] - error), expit(row["score"] + error)
    lines = [f"p(active) {row['p_active']:.2f} ({low:.2f} to {high:.2f})"]
    if POSSIBLE in row:
        lines.append(f"possible classes: {row[POSSIBLE]}")
    near = f"nearest known {row['nearest_similarity']:.2f}"
    if not pd.isna(row["in_domain"]):
        near += f", nearest training {row['nearest_training']:.2f}"
        near += "" if row["in_domain"] else ": unlike both"
    own = [
        _short(f"{name}: {value}")
        for name, value in row.items()
        if name not in (*OUTPUT_COLUMNS, POSSIBLE)
        and not pd.isna(value)
        and str(value) not in known
    ]
    return [*lines, near, *own[:_N_OWN]]


def _lacks(row: Mapping[Any, Any]) -> list[str]:
    """The filters that hide a row."""
    lacks = {
        "active": row["p_active"] < 0.5,
        "new": row["nearest_similarity"] >= ANALOGUE,
        "inside": not pd.isna(row["in_domain"]) and not row["in_domain"],
        "certain": POSSIBLE in row and row[POSSIBLE] != "active",
    }
    return [key for key, is_lacking in lacks.items() if is_lacking]


def _filters(candidates: Sequence[Candidate]) -> dict[str, str]:
    """List the filters that tell some candidates from others."""
    asked = {
        "active": "likely active (p at least 0.5)",
        "certain": "possible class: active only",
        "new": f"no close analogues (similarity below {ANALOGUE})",
        "inside": "inside what the model knows",
    }
    n_left = {key: sum(key not in one.lacks for one in candidates) for key in asked}
    return {
        key: f"{label}: {n_left[key]}"
        for key, label in asked.items()
        if n_left[key] < len(candidates)
    }


def _support(predictions: Predictions) -> Molecules:
    known, left_out = predictions.classifier.known_, predictions.classifier.left_out_
    cards = [
        MoleculeCard(
            draw(respell(smiles), name=f"known-{i}"),
            (_class(predictions, i), _left_out(float(left_out[i])), _short(smiles)),
            marked=bool(known.labels[i] == 1),
        )
        for i, smiles in enumerate(known.smiles)
    ]
    return Molecules(
        cards, "Heavy frame: active. p without it: what the others, without it, say of it."
    )


def _left_out(score: float) -> str:
    return "alone in its class" if np.isnan(score) else f"p without it {expit(score):.2f}"


def _rejected(predictions: Predictions, rows: Any) -> Table:
    reasons = predictions.table["reason"].to_numpy()
    cells = [
        [str(i + 1), _short(predictions.smiles[i]), _short(reasons[i])]
        for i in rows[:_N_REJECTED].tolist()
    ]
    more = f" The first {_N_REJECTED} of {len(rows):,}." if len(rows) > _N_REJECTED else ""
    return Table(("row", "SMILES", "reason"), cells, f"Rows without a prediction.{more}")


def _class(predictions: Predictions, support: int) -> str:
    return "active" if predictions.classifier.known_.labels[support] == 1 else "inactive"


def _class_counts(predictions: Predictions) -> tuple[int, int]:
    labels = predictions.classifier.known_.labels
    return int((labels == 0).sum()), int((labels == 1).sum())


def _short(text: object) -> str:
    shown = " ".join(str(text).split())
    return shown if len(shown) <= _LONG else f"{shown[: _LONG - 1]}…"

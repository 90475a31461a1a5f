"""Candidates: the molecules of a report's table, and what the table tells of each."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from molmeta.assays.naming import name_column
from molmeta.assays.scaffolds import scaffold_of
from molmeta.chem.featurize import Featurized
from molmeta.chem.filters import FILTER_COLUMNS, filter_table
from molmeta.chem.molecule import to_mol
from molmeta.predict.adapted_assay import AdaptedAssay
from molmeta.predict.table import OUTPUT_COLUMNS, POSSIBLE, Predictions
from molmeta.reporting.molecules import draw

N_COLOURED = 50
"""So many of the best molecules have their atoms coloured, which takes long."""

MOST_COLUMNS = 12
"""Own columns that the table holds."""

MOST_CHARACTERS = 120
"""Characters of a cell; the rest is cut."""

_MOST_ATOMS = 150  # of a coloured molecule: each is hidden once, and what is read may cost n²
_N_REASONS, _DIGITS = 3, 3
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\s]+")


def plain(text: object) -> str:
    r"""Write a cell on one line, without control characters, cut where it is long.

    >>> plain("a\x07\n b"), len(plain("x" * 10_000))
    ('a b', 120)
    """
    shown = "" if pd.isna(text) else _ODD.sub(" ", str(text)).strip()  # type: ignore[call-overload]
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[: MOST_CHARACTERS - 1]}…"


def candidate_data(
    predictions: Predictions, at: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    """Give what the table's script reads: rows, support molecules, scaffold groups, drawings.

    Args:
        predictions: Of a library.
        at: Which of its rows, n that parse, the best first.
        names: Of the support molecules, (s,).
    """
    table, known = predictions.table.iloc[at], predictions.classifier.known_
    smiles = [predictions.smiles[i] for i in at.tolist()]
    features = predictions.classifier.featurize(smiles)
    named, own = _own_columns(table, smiles)
    titles = [f"row {i + 1}" for i in at.tolist()]
    if named is not None:
        titles = [plain(cell) or row for cell, row in zip(table[named], titles, strict=True)]
    scaffolds = [scaffold_of(one) for one in smiles]
    cores = list(dict.fromkeys(filter(None, scaffolds)))
    number = {core: i for i, core in enumerate(cores, 1)}
    columns = {
        "smiles": smiles,
        "name": titles,
        "cells": [[plain(cell) for cell in row] for row in table[own].to_numpy(object).tolist()],
        "group": [number.get(core) for core in scaffolds],
        **_figures(predictions, table, smiles, features),
        **_reasons(known, features),
    }
    return {
        "columns": [plain(name) for name in own],
        "measured": _measured(known, names),
        "rows": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
        "groups": cores,
        "drawings": _drawings(predictions, smiles[:N_COLOURED]),
        "weighs": known.model.learner.matcher.explains,
    }


def _measured(known: AdaptedAssay, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "smiles": smiles, "active": bool(label == 1)}
        for name, smiles, label in zip(names, known.smiles, known.labels, strict=True)
    ]


def _own_columns(table: pd.DataFrame, smiles: Sequence[str]) -> tuple[str | None, list[str]]:
    """Find the column with names, and the other columns of the user's own, without the SMILES."""
    added = {*OUTPUT_COLUMNS, POSSIBLE, *FILTER_COLUMNS}
    named = name_column(table, smiles, added)
    own = [
        str(name)
        for name in table
        if name not in added and name != named and table[name].tolist() != list(smiles)
    ]
    return named, own[:MOST_COLUMNS]


def _figures(
    predictions: Predictions, table: pd.DataFrame, smiles: Sequence[str], features: Featurized
) -> dict[str, list[Any]]:
    """Give the figures of each row, None where there is none."""
    error = predictions.classifier.known_.standard_errors(features)
    score = table["score"].to_numpy()
    classes = table["measured_class"].map({"active": True, "inactive": False})
    properties, has_alerts = table, "mw" in table
    if not has_alerts:
        standardize = predictions.classifier.known_.model.standardize
        properties = filter_table(smiles, standardize, alerts=False)
    alerts = (
        properties["pains_alerts"].str.cat(properties["brenk_alerts"], sep="; ").str.strip("; ")
    )
    found = {
        "rank": table["rank"],
        "p_active": table["p_active"],
        "p_low": pd.Series(expit(score - error)),
        "p_high": pd.Series(expit(score + error)),
        "score": table["score"],
        "value": table["predicted_value"],
        "value_low": table["predicted_lower"],
        "value_high": table["predicted_upper"],
        "in_domain": table["in_domain"],
        "measured": classes,
        "known_value": table["measured_value"],
        **{name: properties[name] for name in ("mw", "clogp", "tpsa")},
        "alerts": alerts if has_alerts else pd.Series([None] * len(table)),
        "possible": table.get(POSSIBLE, pd.Series([None] * len(table))),
    }
    return {name: [_value(one) for one in column.tolist()] for name, column in found.items()}


def _value(one: Any) -> Any:
    if pd.isna(one):
        return None
    return round(one, _DIGITS) if isinstance(one, float) else one


def _reasons(known: AdaptedAssay, features: Featurized) -> dict[str, list[Any]]:
    """Give the support molecule most like each row, and those that decided its score."""
    similarity, explains = known.similarity(features), known.model.learner.matcher.explains
    weights = known.weights("contributions", features) if explains else similarity
    order = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :_N_REASONS]
    return {
        "nearest": similarity.argmax(1).tolist(),
        "similarity": similarity.max(1).astype(float).round(_DIGITS).tolist(),
        "reasons": [
            [
                [
                    i,
                    round(float(weights[row, i]), _DIGITS) if explains else None,
                    round(float(similarity[row, i]), _DIGITS),
                ]
                for i in chosen
            ]
            for row, chosen in enumerate(order.tolist())
        ],
    }


def _drawings(predictions: Predictions, smiles: Sequence[str]) -> dict[int, str]:
    """Draw molecules with coloured atoms, by position; very large ones are left out."""
    small = [i for i, one in enumerate(smiles) if not isinstance(to_mol(one, _MOST_ATOMS), str)]
    found = predictions.classifier.atom_contributions([smiles[i] for i in small]) if small else []
    largest = max((float(np.abs(atoms).max(initial=0.0)) for _, atoms in found), default=0.0) or 1.0
    return {
        i: str(draw(form, shades=(atoms / largest).tolist()))
        for i, (form, atoms) in zip(small, found, strict=True)
    }

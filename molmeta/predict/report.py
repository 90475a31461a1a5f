"""Predictions as one HTML page: what is known, the best molecules, and why they are the best."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from molmeta.chem.repair import respell
from molmeta.predict.candidates import (
    MOST_CHARACTERS,
    MOST_COLUMNS,
    N_COLOURED,
    candidate_data,
    plain,
)
from molmeta.predict.table import COVERAGE, Predictions
from molmeta.reporting import Facts, Figure, Molecules, Note, Ranking, Section, Table, write_page
from molmeta.reporting.blocks import Block, MoleculeCard
from molmeta.reporting.molecules import draw
from molmeta.reporting.plots import Series, line_plot

N_LISTED = 2000
"""So many of the best molecules are in the table."""

_N_DRAWN, _N_REJECTED = 200, 50

_MEANINGS = {
    "roc_auc": (
        "Ranks your own molecules",
        "Each measured molecule is predicted from the others. This is the chance that an active "
        "one then ranks above an inactive one: 0.5 is guessing, 1 is perfect.",
    ),
    "delta_auprc": (
        "Gain over guessing",
        "Of the same predictions: how much purer in actives the top of the ranking is than a "
        "random order (average precision minus the share of actives). 0 is guessing.",
    ),
}
_COLUMNS = {
    "Chance": "The probability that the molecule is active in this assay, as learnt from the "
    "measured molecules; behind it, in percent, how far it moves when measured molecules are left "
    "out (one standard error). With few measured molecules it is rough: trust the order more.",
    "Most like": "The measured molecule that it resembles most, and how much: from 0 (nothing in "
    "common) to 1 (the same).",
    "Familiar": "Whether the model has seen chemistry like it. Trust the others less.",
    "MW, cLogP, TPSA": "Molecular weight in g/mol, calculated logP (Crippen), polar surface in Å².",
    "Group": "Molecules of one number share their ring system (Bemis–Murcko scaffold); 1 holds the "
    "best molecule that has rings.",
    "Why?": f"The measured molecules that speak for or against it, and how much of the decision "
    f"each is. The atoms of the best {N_COLOURED} are coloured by how far the score falls (blue) "
    "or rises (orange) without them.",
}
_VALUE = {
    "Value": "The predicted value, on the scale of the measured ones (pXC50 if they are "
    f"concentrations); below it the range that holds {COVERAGE:.0%} of true values."
}


def write_report(
    predictions: Predictions, assay_id: str, path: Path, names: Sequence[str] = ()
) -> None:
    """Write the page, which needs no network; every text is escaped.

    Args:
        predictions: As `predict_table` gives them.
        assay_id: What the assay is called.
        path: Where the page goes.
        names: Of the support molecules, (s,); they are numbered without.
    """
    known = predictions.classifier.known_
    names = [plain(name) for name in names] or [""] * len(known.smiles)
    names = [name or f"measured {i}" for i, name in enumerate(names, 1)]
    sections = [
        Section("How far to trust it", _overview(predictions, assay_id)),
        Section("Ranking", [_ranking(predictions, names)]),
        Section(
            "Measured molecules", [*_predicted_again(predictions), _support(predictions, names)]
        ),
    ]
    if rejected := _rejected(predictions):
        sections.append(Section("Not ranked", [rejected]))
    n_new = int(predictions.table["rank"].notna().sum())
    subtitle = f"{n_new:,} new molecules ranked by {len(known.smiles)} measured ones"
    write_page(path, f"Predictions: {plain(assay_id)}", subtitle, sections)


def _overview(predictions: Predictions, assay_id: str) -> list[Block]:
    classifier, table = predictions.classifier, predictions.table
    report, labels = classifier.support_report_, classifier.known_.labels
    facts = {
        "Assay": plain(assay_id),
        "Model": classifier.known_.model.path.resolve().name,
        "Measured molecules": f"{int((labels == 1).sum())} active, {int((labels == 0).sum())} "
        "inactive",
    }
    meanings = {}
    for key, (title, meaning) in _MEANINGS.items():
        value, meanings[title] = report.figures[key], meaning
        facts[title] = "cannot be told" if np.isnan(value) else f"{value:.2f}"
    if report.expected:
        one, title = report.expected, "Gain to expect on new molecules"
        facts[title] = f"{one.delta_auprc:.2f} ({one.low:.2f} to {one.high:.2f})"
        meanings[title] = (
            f"The same gain as it was on other assays with such measured molecules: {one.level:.0%}"
            " of them lay in the range."
        )
    if classifier.prevalence is not None:
        facts["Expected actives"] = f"{classifier.prevalence:.3g} of the library, as you said"
    counts = {
        "new": table["rank"].notna(),
        "measured already": table["already_measured"],
        "unreadable": table["status"] != "ok",
    }
    facts["Library"] = ", ".join(f"{int(rows.sum()):,} {kind}" for kind, rows in counts.items())
    if len(inside := table["in_domain"].dropna()):
        facts["Unfamiliar"] = f"{int((~inside.astype(bool)).sum()):,} of {len(inside):,}"
        meanings["Unfamiliar"] = (
            "Molecules unlike all that the model has seen and all that you measured: trust their "
            "places less."
        )
    return [Facts(facts, meanings), *(Note(_worded(one)) for one in report.warnings)]


def _worded(warning: str) -> str:
    """Say a warning in the words of the page."""
    text = warning.replace(
        "leave-one-out ranks", "predicting each measured molecule from the others ranks them"
    ).replace("leave-one-out", "predicting each measured molecule from the others")
    return f"{text[0].upper()}{text[1:]}."


def _ranking(predictions: Predictions, names: Sequence[str]) -> Ranking:
    table = predictions.table
    n_new = int(table["rank"].notna().sum())
    best = np.argsort(table["rank"].fillna(n_new + 1).to_numpy(int), kind="stable")
    known = np.flatnonzero(table["measured_class"].isin(["active", "inactive"]))
    at = np.concatenate([best[: min(n_new, N_LISTED)], known[:N_LISTED]])
    data = candidate_data(predictions, at, names)
    left = n_new - min(n_new, N_LISTED)
    caption = (
        f"All {n_new:,} new molecules."
        if not left
        else (
            f"The best {N_LISTED:,} of {n_new:,} new molecules; {left:,} more are in the table of "
            "predictions only."
        )
    )
    caption += (
        " Click a heading to sort, a row to see why. Measured molecules have no rank. "
        f"Cells are cut at {MOST_CHARACTERS} characters, your own columns at {MOST_COLUMNS}."
    )
    has_values = table["predicted_value"].notna().any()
    return Ranking(data, _COLUMNS | (_VALUE if has_values else {}), caption)


def _predicted_again(predictions: Predictions) -> list[Block]:
    """Plot measured values and what the others say of them, where values are predicted."""
    known = predictions.classifier.known_
    predicted = known.left_out_values()
    told = np.flatnonzero(~np.isnan(predicted))
    if known.values is None or not len(told):
        return []
    x, y = known.values[told].astype(float), predicted[told]
    rest = (x.sum() - x) / max(1, len(x) - 1)
    ends = float(np.floor(min(x.min(), y.min()))), float(np.ceil(max(x.max(), y.max())))
    step = max(1.0, np.ceil((ends[1] - ends[0]) / 6))
    ticks = np.arange(ends[0], ends[1] + step, step).tolist()
    plot = line_plot(
        [Series("measured molecules", x.tolist(), y.tolist(), line=False)],
        x_label="measured value",
        y_label="predicted from the others",
        x_ticks=ticks,
        y_range=(ticks[0], ticks[-1]),
        diagonal=True,
    )
    caption = (
        f"Each of {len(told)} measured values, and what is predicted of it from the others. On the "
        f"grey line both are the same; they differ by {np.abs(x - y).mean():.2f} on average. "
        f"The mean of the others would differ by {np.abs(x - rest).mean():.2f}."
    )
    return [Figure(plot, caption)]


def _support(predictions: Predictions, names: Sequence[str]) -> Molecules:
    known, left_out = predictions.classifier.known_, predictions.classifier.left_out_
    values = np.full(len(names), np.nan) if known.values is None else known.values
    bounds = np.full(len(names), np.nan) if known.bounds is None else known.bounds
    order = np.lexsort((-np.nan_to_num(values, nan=-np.inf), -known.labels))
    cards = []
    for i in order[:_N_DRAWN].tolist():
        active = bool(known.labels[i] == 1)
        text = "active" if active else "inactive"
        text += "" if np.isnan(values[i]) else f", {values[i]:.2f}"
        text += "" if np.isnan(bounds[i]) else f", beyond {bounds[i]:.2f}"
        again = "alone in its class"
        if not np.isnan(left_out[i]):
            again = f"from the others: {expit(left_out[i]):.0%}"
        cards.append(MoleculeCard(draw(respell(known.smiles[i])), (names[i], text, again), active))
    caption = (
        "Heavy frame: active. Measured values stand behind the class. From the others: the chance "
        "of being active, predicted without this molecule; where that contradicts the measurement, "
        "look at it again."
    )
    more = f" The first {_N_DRAWN} of {len(names):,}." if len(names) > _N_DRAWN else ""
    return Molecules(cards, caption + more)


def _rejected(predictions: Predictions) -> Table | None:
    """List what has no place in the ranking: unreadable, or measured and not learnt from."""
    table = predictions.table
    unread = (table["status"] != "ok").to_numpy()
    passed = (table["already_measured"] & (table["measured_class"] == "")).to_numpy()
    rows = np.flatnonzero(unread | passed)
    reasons: Any = np.where(unread, table["reason"], "measured, and not learnt from")
    cells = [
        [str(i + 1), plain(predictions.smiles[i]), plain(reasons[i])]
        for i in rows[:_N_REJECTED].tolist()
    ]
    more = f" The first {_N_REJECTED} of {len(rows):,}." if len(rows) > _N_REJECTED else ""
    caption = f"Rows of the library without a place in the ranking.{more}"
    return Table(("row", "SMILES", "reason"), cells, caption) if cells else None

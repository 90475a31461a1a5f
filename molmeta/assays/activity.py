"""Activity: from measured values to labels; active is what lies above a threshold.

The threshold is a number, the assay's median, the default (pXC50 6, or the median where that
leaves a class empty), or FS-Mol's rule (https://github.com/microsoft/FS-Mol, Stanley et al.,
NeurIPS 2021).
"""

from contextlib import suppress

import numpy as np
import pandas as pd

from molmeta.assays.columns import DEFAULT
from molmeta.assays.quantity import parse_quantity
from molmeta.assays.units import PERCENT, PXC50, commonest
from molmeta.errors import InputError

PLAUSIBLE = 0.0, 15.0
"""pXC50 from 1 M to 1 fM; what lies outside was most likely read in a wrong unit."""

ONE_MICROMOLAR = 6.0
"""Where active begins, in pXC50, if nobody says."""

UNLIKE = "unlike its assay"
"""Ends the reason of a row that measures something else than most rows of its assay."""

DIRECTIONS = ("higher", "lower")
"""Values that can be active, as they were measured."""

_MOST_STRANGE = 0.1  # of an assay's values

# FS-Mol's rule: what counts at all, how far repeats of one molecule may lie apart, and between
# which bounds the median is a sensible threshold.
_FSMOL_UNITS = ("nm", "um", "%")
_FSMOL_MAX_WEIGHT = 900.0  # g/mol
_FSMOL_SPREAD = {PXC50: 1.0, PERCENT: 5.0}
_FSMOL_ENZYME, _FSMOL_OTHER = (5.0, 7.0), (4.0, 6.0)
_FSMOL_PXC50, _FSMOL_PERCENT = 5.0, 50.0


def check_threshold(threshold: float | str | None) -> float | str | None:
    """Read a threshold as typed: a number, "median", "fsmol", "default", or None.

    Raises:
        InputError: If it is anything else.
    """
    if threshold is None or threshold in ("median", "fsmol", DEFAULT):
        return threshold
    with suppress(ValueError):
        if np.isfinite(number := float(threshold)):
            return number
    raise InputError.of("--threshold", got=repr(threshold), expected="a number, median or fsmol")


def label_values(
    table: pd.DataFrame, threshold: float | str, direction: str | None = None
) -> pd.DataFrame:
    """Label measurements by their values.

    A censored value is labelled only where its bound decides: "> 10 µM" is inactive under any
    threshold above pXC50 5. A value equal to the threshold is inactive, as in FS-Mol.

    >>> table = pd.DataFrame({"value": [7.5, 5.2], "bound": 0, "kind": "pXC50", "inverted": True})
    >>> table = table.assign(assay=1, identity=[1, 2], quantity="IC50", usual="IC50")
    >>> label_values(table, threshold=6.0)["label"].tolist()
    [1.0, 0.0]

    Args:
        table: n measurements with a value, in the columns that `units.comparable` gives, and
            `assay`, `identity`, `weight` (g/mol), `enzyme` (whether the target is one) and
            `quantity` (IC50, Ki …, "" where not known), and `usual`, its assay's commonest.
        threshold: A number (pXC50 for concentrations), "median", "fsmol" or "default".
        direction: Whether a "higher" or "lower" value *as measured* is active; None: lower for
            concentrations, higher for percentages of inhibition and the like, and unknown for
            anything else, whose rows get no label.

    Returns:
        Shape (n, 3): `label`, NaN where undecided; `threshold`; `reason`, "" where labelled.

    Raises:
        InputError: If the threshold can be no pXC50 although the values are.
    """
    if not len(table):
        return pd.DataFrame({"label": [], "threshold": [], "reason": []}, table.index)
    reasons = _other_kinds(table)
    reasons = reasons.where(reasons != "", _without_concentration(table))
    if direction is not None:
        reasons = reasons.where(reasons != "", _turned(table[reasons == ""]))
    elif threshold != "fsmol":
        reasons = reasons.where(reasons != "", _without_direction(table))
    if threshold != "fsmol":
        reasons = reasons.where(reasons != "", _implausible(table))
    if threshold == "fsmol":
        reasons = reasons.where(reasons != "", _against_fsmol(table[reasons == ""]))
    usable = table[reasons == ""]
    if isinstance(threshold, str):
        limits = _own_limits(usable, threshold, direction)
        limit = table["assay"].map(limits).astype(np.float64)
    else:
        _refuse_concentration(threshold, usable)
        limit = pd.Series(threshold, index=table.index)
    active, undecided = _above(table, limit, direction)
    undecided &= reasons == ""
    reasons = reasons.mask(undecided, "censored value on the open side of the threshold")
    label = active.astype(np.float32).where(reasons == "")
    return pd.DataFrame({"label": label, "threshold": limit, "reason": reasons})


def _above(
    table: pd.DataFrame, limit: pd.Series | float, direction: str | None
) -> tuple[pd.Series, pd.Series]:
    """Tell which values are active by a limit, and which of them their bound leaves open."""
    upside_down = (table["inverted"] == (direction == "higher")) & (direction is not None)
    sign = np.where(upside_down, -1, 1)
    active = sign * table["value"] > sign * limit
    bound = sign * table["bound"]
    return active, (bound > 0) & ~active | (bound < 0) & active


def _own_limits(usable: pd.DataFrame, threshold: str, direction: str | None) -> pd.Series:
    """Choose each assay's own limit, by its number: the median, or what a rule makes of it."""
    # A measurement that is merely listed twice counts once.
    distinct = usable.drop_duplicates(["assay", "identity", "value"])
    by_assay = distinct.groupby("assay")
    medians = by_assay["value"].median()
    if threshold == "fsmol":
        return _sensible(medians, by_assay[["kind", "enzyme"]].first())
    if threshold == DEFAULT:
        active, undecided = _above(usable, ONE_MICROMOLAR, direction)
        # Of a molecule's repeats the majority is kept, and none of a tie: see `curation`.
        share = active[~undecided].groupby([usable["assay"], usable["identity"]]).mean()
        n_classes = (share[share != 0.5] > 0.5).groupby("assay").nunique()
        parted = n_classes.reindex(medians.index) == 2
        return medians.mask(parted & (by_assay["kind"].first() == PXC50), ONE_MICROMOLAR)
    return medians


def _other_kinds(table: pd.DataFrame) -> pd.Series:
    """Set aside what is not the assay's commonest quantity, in its commonest kind of unit."""
    what = table["quantity"].map(lambda word: f"measured as {word or 'something unnamed'}")
    reason = what.astype(object) + f", {UNLIKE}"
    reason = reason.where(table["quantity"] != table["usual"], "")
    same = table[reason == ""]
    kind = same["assay"].map(commonest(same, "kind"))
    other = same["kind"].map(lambda kind: f"measured in {kind or 'no unit'}, {UNLIKE}")
    reason.update(other[same["kind"] != kind])
    return reason


def _without_concentration(table: pd.DataFrame) -> pd.Series:
    """Set aside what is a concentration by its name, and in no unit of one."""
    named = {word: parse_quantity(word).concentration for word in table["quantity"].unique()}
    lacks = table["quantity"].map(named).astype(bool) & (table["kind"] != PXC50)
    text = table["kind"].map(lambda kind: f"{kind or 'no unit'}, which is no concentration's")
    return text.where(lacks, "")


def _without_direction(table: pd.DataFrame) -> pd.Series:
    """Set aside what could be active above the threshold or below it."""
    words = table["quantity"].unique()
    rises = {word: parse_quantity(word).rises is True for word in words}
    falls = {word: word == "" or parse_quantity(word).concentration for word in words}
    known = table["quantity"].map(falls) & (table["kind"] == PXC50) | table["quantity"].map(rises)
    what = table["quantity"].where(table["quantity"] != "", "a value")
    unit = table["kind"].replace("", "no unit")
    text = what + " in " + unit + ": is a higher or a lower one active? (--direction says)"
    return text.where(~known, "")


def _turned(table: pd.DataFrame) -> pd.Series:
    """Set aside what falls where its assay rises: "higher" means one thing of IC50 and pIC50."""
    usual = table["assay"].map(commonest(table, "inverted"))
    text = "a logarithm that turns round what --direction says of its assay"
    return pd.Series(text, table.index, dtype=object).where(table["inverted"] != usual, "")


def _implausible(table: pd.DataFrame) -> pd.Series:
    """Set aside pXC50 that no assay measures, and assays in which they are more than a tenth."""
    low, high = PLAUSIBLE
    strange = (table["kind"] == PXC50) & ~table["value"].between(low, high)
    shown = table["value"].map("{:.4g}".format).astype(object)
    text = "pXC50 of " + shown + f", outside {low:g} to {high:g}"
    many = strange.groupby(table["assay"]).transform("mean") > _MOST_STRANGE
    text = text.where(strange, "in an assay with such values")
    return (text + ": are unit and logarithm right? (--units says)").where(strange | many, "")


def _against_fsmol(table: pd.DataFrame) -> pd.Series:
    """Set aside what FS-Mol leaves out, in its order."""
    reasons = pd.Series("", index=table.index, dtype=object)
    known = table["unit_key"].isin(_FSMOL_UNITS)
    reasons[~known] = "unit other than nM, uM or %"
    heavy = known & (table["weight"] > _FSMOL_MAX_WEIGHT)
    reasons[heavy] = f"heavier than {_FSMOL_MAX_WEIGHT:.0f} g/mol"
    rest = table[known & ~heavy]
    values = rest.groupby(["assay", "identity"])["value"]
    spread = rest["kind"].map(_FSMOL_SPREAD).astype(np.float64)
    far = (values.transform("max") - rest["value"] > spread) | (
        rest["value"] - values.transform("min") > spread
    )
    reasons[far[far].index] = "repeats of the molecule lie far apart"
    return reasons


def _sensible(medians: pd.Series, assays: pd.DataFrame) -> pd.Series:
    """Choose FS-Mol's thresholds: the median where it is sensible, else a fixed one."""
    low = np.where(assays["enzyme"], _FSMOL_ENZYME[0], _FSMOL_OTHER[0])
    high = np.where(assays["enzyme"], _FSMOL_ENZYME[1], _FSMOL_OTHER[1])
    pxc50 = medians.where(medians.between(low, high), _FSMOL_PXC50)
    return pxc50.where(assays["kind"] != PERCENT, medians.clip(lower=_FSMOL_PERCENT))


def _refuse_concentration(threshold: float, table: pd.DataFrame) -> None:
    if abs(threshold) > 20 and (table["kind"] == PXC50).any():
        pxc50 = f", e.g. {9 - np.log10(threshold):g} for {threshold:g} nM" if threshold > 0 else ""
        raise InputError.of(
            "--threshold", got=f"{threshold:g}", expected=f"a pXC50 for concentrations{pxc50}"
        )


def describe_threshold(
    table: pd.DataFrame, threshold: float | str | None, direction: str | None
) -> str:
    """Describe which values count as active, for the user; "" where no label comes from a value.

    Args:
        table: As `label_values` takes it, with its `threshold` and `reason`, of rows that got
            their labels from their values.
        threshold: As given.
        direction: As given.
    """
    if threshold is None or not len(table):
        return ""
    texts = []
    for (kind, inverted), rows in table.groupby(["kind", "inverted"], sort=False):
        limits = rows.groupby("assay")["threshold"].first()
        upside_down = direction is not None and inverted == (direction == "higher")
        sign = "<" if upside_down else ">"
        low, high = limits.min(), limits.max()
        text = f"active is {kind or 'a value'} {sign} {low:.4g}"
        if low < high:
            text += f" to {high:.4g} (each assay's own, {len(limits):,} assays)"
        elif kind == PXC50:
            concentration = float(f"{10 ** (9 - low):.4g}")
            text += f" ({'above' if upside_down else 'below'} {concentration:,.12g} nM)"
        text += _rule(threshold, limits, str(kind))
        texts.append(text)
    return "; ".join(texts)


def _rule(threshold: float | str, limits: pd.Series, kind: str) -> str:
    """Name the rule by which assays' limits were chosen; "" where the user said the number."""
    if threshold == "fsmol":
        return ", by FS-Mol's rule"
    if threshold == "median" or (threshold == DEFAULT and kind != PXC50):
        return ", the median"
    if threshold != DEFAULT:
        return ""
    at_default = limits == ONE_MICROMOLAR
    if at_default.all():
        return ", the default"
    empty = f"{ONE_MICROMOLAR:g} leaves a class empty"
    return f", the median where {empty}" if at_default.any() else f", the median: {empty}"

"""The summary of an audit: how many rows were kept, merged or dropped, and why."""

import pandas as pd

from molmeta.assays.curation import DROPPED, KEPT, MERGED

_N_REASONS = 12


def summarize(audit: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of an audit by what became of them.

    >>> audit = pd.DataFrame({"action": ["kept", "dropped"], "reason": ["", "no label"]})
    >>> summarize(audit).values.tolist()
    [['kept', '', 1], ['dropped', 'no label', 1]]

    Args:
        audit: One row a row read: `action`, `reason`.

    Returns:
        `action`, `reason`, `n_rows`, the largest first.
    """
    kinds = audit.assign(reason=kinds_of(audit["reason"]))
    counts = kinds.value_counts(["action", "reason"], sort=True)
    return counts.rename("n_rows").reset_index()


def kinds_of(reasons: pd.Series) -> pd.Series:
    """Strip reasons of their numbers: "same molecule as row 7" is of one kind with "… row 9"."""
    return reasons.str.replace(r"\d[\d,.]*", "…", regex=True)


def describe(summary: pd.DataFrame) -> str:
    """Write a summary for the screen: the sum, then a line a reason.

    Args:
        summary: As `summarize` gives it.
    """
    by_action = summary.groupby("action")["n_rows"].sum()
    actions = dict.fromkeys([KEPT, MERGED, DROPPED, *by_action.index])
    sums = " + ".join(f"{by_action.get(name, 0):,} {name}" for name in actions)
    lines = [f"{by_action.sum():,} rows = {sums}"]
    others = summary[summary["action"] != KEPT]
    for row in others[:_N_REASONS].itertuples():
        lines.append(f"  {row.n_rows:>9,} {row.action:<7}  {row.reason}")
    if len(others) > _N_REASONS:
        n_left = others["n_rows"][_N_REASONS:].sum()
        lines.append(f"  {n_left:>9,} for {len(others) - _N_REASONS} other reasons")
    return "\n".join(lines)

"""What `molmeta predict` tells of a ranking: what to expect of it, warnings, the best molecules."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from molmeta_cli.console import say, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from molmeta.predict.support_report import SupportReport
    from molmeta.predict.table import Predictions

_NAMES = ("name", "id", "title", "molecule", "compound")


def say_support(report: SupportReport) -> None:
    """Print how well a support set is expected to rank, and what to be wary of."""
    if report.expected:
        one = report.expected
        say(
            f"expected: an average precision {one.delta_auprc:.2f} above chance "
            f"({one.low:.2f} to {one.high:.2f} on {one.level:.0%} of held-out assays)"
        )
    for warning in report.warnings:
        say(f"warning: {warning}")


def say_best(ranked: Predictions, n: int) -> None:
    """Print a table of the best n new molecules, if there are any."""
    best = ranked.table[ranked.table["rank"].notna()].head(n)
    if not len(best):
        return
    own = _own_name(ranked)
    names = [] if own is None else [own]
    values = ["predicted_value"] if best["predicted_value"].notna().any() else []
    rows = [
        [
            str(row["rank"]),
            *(str(row[name])[:20] for name in names),
            f"{row['p_active']:.2f}",
            *(f"{row[name]:.2f}" for name in values),
            f"{row['nearest_similarity']:.2f}",
            {True: "yes", False: "no"}.get(row["in_domain"], ""),
            smiles,
        ]
        for row, smiles in zip(best.to_dict("records"), ranked.smiles, strict=False)
    ]
    head = ["rank", *names, "p_active", *values, "similarity", "in_domain", "smiles"]
    show_table(head, rows, "smiles")


def say_written(ranked: Predictions, path: Path, *, keeps_order: bool) -> None:
    """Print what was written where, and in which order."""
    table = ranked.table
    n_new, n_measured = int(table["rank"].notna().sum()), int(table["already_measured"].sum())
    n_rejected = int((table["status"] == "rejected").sum())
    order = "in the input's order" if keeps_order else "best first"
    told = [f"{n_new:,} new molecules"]
    told += [f"{n_measured:,} already measured"] if n_measured else []
    told += [f"{n_rejected:,} rejected (reason says why)"] if n_rejected else []
    say(f"{path}: {len(table):,} rows, {order}: {', '.join(told)}")


def _own_name(ranked: Predictions) -> str | None:
    """Find the column that names molecules: one called so, else the first of distinct words."""
    from molmeta.chem.filters import FILTER_COLUMNS
    from molmeta.predict.table import OUTPUT_COLUMNS, POSSIBLE

    head, added = ranked.table.head(50), {*OUTPUT_COLUMNS, POSSIBLE, *FILTER_COLUMNS}
    cells = {str(name): head[name].astype(str).tolist() for name in head if name not in added}
    own = [name for name, some in cells.items() if any(some) and some != ranked.smiles[:50]]
    called = [name for name in own if name.casefold() in _NAMES]
    distinct = [name for name in own if len(set(cells[name])) == len(cells[name])]
    called += [name for name in distinct if re.split(r"[\W_]+", name.casefold())[-1] in _NAMES]
    words = [name for name in distinct if not any(map(_is_number, cells[name]))]
    return next(iter([*called, *words]), None)


def _is_number(cell: str) -> bool:
    with suppress(ValueError):
        float(cell)
        return True
    return False

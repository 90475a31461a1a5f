"""The audit page: the files read, the rows set aside with the reasons, and the assays, in HTML."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from molmeta.assays.audit import kinds_of
from molmeta.assays.curation import DROPPED, KEPT, MERGED
from molmeta.assays.store import AssayStore
from molmeta.reporting import Facts, Note, Section, Table, Text, write_page
from molmeta.reporting.blocks import Block

_N_ASSAYS, _N_FILES, _LONGEST = 200, 20, 40


def write_audit_page(store: AssayStore, file: Path) -> None:
    """Write the page of a store's audit.

    Raises:
        InputError: If the file cannot be written there.
    """
    audit, files = store.audit, store.header["files"]
    origin = files[0] if len(files) == 1 else f"{len(files):,} files"
    write_page(
        file,
        "What became of every row",
        f"{store.path.name}: {len(store):,} assays from {origin}",
        [
            Section("What was read", _facts(store, audit, files)),
            Section("Why rows were set aside", _reasons(audit)),
            Section("Assays", _assays(store.assays)),
        ],
    )


def _facts(store: AssayStore, audit: pd.DataFrame, files: Sequence[str]) -> list[Block]:
    counts = {action: int((audit["action"] == action).sum()) for action in (KEPT, MERGED, DROPPED)}
    named = ", ".join(files[:_N_FILES])
    more = f" and {len(files) - _N_FILES:,} more" if len(files) > _N_FILES else ""
    facts = {
        "files": named + more,
        "rows": f"{len(audit):,}",
        **{action: f"{n:,} ({n / len(audit):.1%})" for action, n in counts.items()},
        "assays": f"{len(store):,}",
        "molecules": f"{store.n_molecules:,} distinct SMILES that can be read",
    }
    return [
        Facts(facts),
        Text(
            "A row is a measurement: in a wide table a cell that is not blank. Of the rows of one "
            "molecule in an assay one is kept and the others are merged into it. Every row with "
            "its reason is in audit.parquet; nothing is deleted from the store."
        ),
    ]


def _reasons(audit: pd.DataFrame) -> list[Block]:
    aside = audit[audit["action"] != KEPT]
    if not len(aside):
        return [Text("None was: every row is kept.")]
    groups = aside.groupby(["action", kinds_of(aside["reason"])])
    first = groups.head(1)
    table = first.assign(n_rows=groups["row"].transform("size")[first.index])
    rows = [
        (
            row["reason"],
            row["action"],
            f"{row['n_rows']:,}",
            f"{row['file']}, row {row['row']:,}",
            _short(row["smiles"]),
        )
        for row in table.sort_values("n_rows", ascending=False).to_dict("records")
    ]
    caption = "The first row of each kind is shown; rows are numbered from 0 below the header."
    return [Table(("reason", "action", "rows", "first", "its SMILES"), rows, caption)]


def _assays(assays: pd.DataFrame) -> list[Block]:
    one_sided = (assays["n_active"] == 0) | (assays["n_active"] == assays["n_kept"])
    blocks: list[Block] = []
    if n := int(one_sided.sum()):
        blocks.append(
            Note(
                f"{n:,} assays have molecules of one class alone: no episode can be drawn of them."
            )
        )
    largest = assays.sort_values("n_kept", ascending=False, kind="stable")[:_N_ASSAYS]
    rows = [
        (
            _short(row["assay_id"]),
            _short(row["target"]),
            row["unit"],
            "" if pd.isna(row["threshold"]) else f"{row['threshold']:.3g}",
            f"{row['n_rows']:,}",
            f"{row['n_kept']:,}",
            f"{row['n_active']:,}",
        )
        for row in largest.to_dict("records")
    ]
    columns = ("assay", "target", "unit", "threshold", "rows", "kept", "active")
    shown = f"The {len(rows)} largest of {len(assays):,}." if len(rows) < len(assays) else ""
    return [*blocks, Table(columns, rows, shown)]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

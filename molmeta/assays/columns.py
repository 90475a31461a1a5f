"""The meaning of a table's columns: the user's choice first, then well-known names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from molmeta.errors import InputError, did_you_mean

SMILES_NAMES = (
    "smiles", "canonical_smiles", "isomeric_smiles", "structure", "mol", "drug",
    "PUBCHEM_EXT_DATASOURCE_SMILES", "Ligand SMILES",
)  # fmt: skip
ASSAY_NAMES = ("assay_id", "assay", "Assay ChEMBL ID")
LABEL_NAMES = ("active", "label", "labels", "y", "activity", "is_active")
VALUE_NAMES = ("value", "standard_value", "standard value", "measured_value", "result_value")
RELATION_NAMES = (
    "relation", "standard_relation", "standard relation", "qualifier", "qual", "operator",
    "modifier", "prefix", "sign", "rel", "op", "comparator", "inequality", "censor",
    "censoring", "value_relation", "measured_relation",
)  # fmt: skip
TYPE_NAMES = (
    "standard_type", "standard type", "activity_type", "measurement_type", "endpoint",
    "result_type", "type", "parameter", "measurement",
)  # fmt: skip
TARGET_NAMES = ("target", "target_name", "target_id", "Target Name", "Target ChEMBL ID")


DEFAULT = "default"
"""A threshold for assays without labels: pXC50 6, or the median where that leaves a class empty."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The user's choice of a table's columns; `None` means "find out".

    >>> import pandas as pd
    >>> from molmeta.assays import Columns, load_assays
    >>> pd.DataFrame({"mol": ["CCO", "CCN"], "IC50": [12, 50_000]}).to_csv("ic50.csv", index=False)
    >>> columns = Columns(value_column="IC50", units="nM", threshold=6.0)
    >>> load_assays("ic50.csv", columns).assay(0).labels.tolist()
    [1.0, 0.0]

    Attributes:
        smiles_column: Holds the molecules.
        assay_column: Holds the assay's name, one row a measurement.
        label_column: Holds active or inactive.
        value_column: Holds the measured value.
        relation_column: Holds the censoring sign of the value (`=`, `>`, `<` …).
        units: The unit of the values (nM, uM, ug/mL, %, pXC50, log nM …), or the column that
            holds it.
        threshold: Where active begins: a number, `median`, `fsmol` or `DEFAULT`.
        direction: Whether a `higher` or a `lower` value is active.
        decimal: Whether a comma in a number is the decimal mark (`comma`), or groups thousands
            (`point`).
        sheet: The sheet of a workbook that holds the table; None: the first one.
    """

    smiles_column: str | None = None
    assay_column: str | None = None
    label_column: str | None = None
    value_column: str | None = None
    relation_column: str | None = None
    units: str | None = None
    threshold: float | str | None = None
    direction: str | None = None
    decimal: str | None = None
    sheet: str | None = None

    @property
    def named(self) -> bool:
        """Return whether the user names a column, or says what its values are."""
        spoken = (self.smiles_column, self.assay_column, self.label_column, self.value_column)
        return any(spoken) or bool(self.relation_column or self.units or self.decimal)

    def of_support(self) -> Columns:
        """Return the choice for a support table: a threshold is found where nobody names one.

        >>> Columns(units="nM").of_support().threshold, Columns(threshold=7).of_support().threshold
        ('default', 7)
        >>> Columns(label_column="hit").of_support().threshold is None
        True
        """
        if self.threshold is not None or self.label_column is not None:
            return self
        return replace(self, threshold=DEFAULT)


def find_column(
    names: Sequence[str], wanted: str | None, known: Sequence[str] = (), *, flag: str, source: str
) -> str | None:
    """Find the name that the user `wanted`, else the first that is `known`, else None.

    Names are compared exactly first, then without regard to case and outer blanks.

    Args:
        names: The columns of a table.
        wanted: The user's choice, or None.
        known: Well-known names, best first.
        flag: The option that carries the user's choice, for the message.
        source: The file, for the message.

    Raises:
        InputError: If `wanted` is not a column.
    """
    if wanted is not None and wanted in names:
        return wanted
    by_key = {name.strip().casefold(): name for name in reversed(names)}
    for name in known if wanted is None else [wanted]:
        if (match := by_key.get(name.strip().casefold())) is not None:
            return match
    if wanted is None:
        return None
    raise InputError.of(
        f"{source}: {flag}",
        got=repr(wanted),
        expected=f"one of the columns {listed(names)}" if names else "none: no column is left",
        fix=did_you_mean(wanted, names),
    )


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    >>> words_of("isActive (call_2)")
    ['is', 'active', 'call', '2']
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", apart.casefold())


def listed(names: Sequence[str], limit: int = 12) -> str:
    """List names for a message: the first few, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def check_names(columns: Iterable[str], source: str, added: Iterable[str]) -> None:
    """Refuse a table whose columns have names of those that are `added`.

    Raises:
        InputError: If it has.
    """
    names = set(columns)
    clash = [name for name in added if name in names]
    if clash:
        raise InputError.of(
            source,
            got=f"the columns {listed(clash)}, which molmeta adds",
            expected="other names",
            fix="Rename or remove them.",
        )

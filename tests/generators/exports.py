"""Tables that bring labels, one column or many, and the exports of ChEMBL and PubChem."""

from __future__ import annotations

import math

from tests.generators import vocabulary
from tests.generators.choices import Combination
from tests.generators.headers import Scale
from tests.generators.meaning import Expected, Interval, Row, Rule, interval
from tests.generators.molecules import NANOMOLAR, SMILES
from tests.generators.tables import Picks, Sheet, picks, rules, spelled

_WIDE = (("NR-AR", "SR p53", "hERG, 10 uM"), ("assay 1", "CYP3A4", "Ames"), ("A", "B", "C"))
# Words of which the reader cannot know which is active, or whether they are labels.
_CLEAR_WORDS = ("1/0", "1.0/0.0", "active/inactive", "Active/Inactive", "yes/no", "true/false")


def label_sheet(c: Combination) -> Sheet:
    """One row a measurement, with labels."""
    yes, no = vocabulary.LABEL_WORDS[c["label_words"]]
    picked = picks(c)
    cells, rows = [], []
    chosen = c["label_name"] if c["label_name"] != "flag" else "result"
    for i, nanomolar in enumerate(NANOMOLAR):
        label: int | None = int(nanomolar < 1000)
        cells.append(yes if label else no)
        may_drop = c["label_words"] not in _CLEAR_WORDS
        if i in picked.blanks:
            cells[-1], label = _blank(c, picked, i)
        if c["odd_label"] and i == min(picked.others):
            cells[-1], label = c["odd_label"], None
        rows.append(
            Row(SMILES[i], frozenset({"table", chosen}), i, i, label=label, may_drop=may_drop)
        )
    told = {}
    if c["label_name"] == "flag" or c["value_named"] == "yes":
        told["label_column"] = chosen
    return Sheet([("SMILES", list(SMILES)), (chosen, cells)], told, Expected(rows, [Rule(None)]))


def _blank(c: Combination, picked: Picks, i: int) -> tuple[str, int | None]:
    """A blank cell of labels; words that are labels themselves are not blanks."""
    word = picked.blanks[i]
    return ("", None) if word in ("0", "0.0", "-1", "TRUE", "N", "x", "-0") else (word, None)


def wide_sheet(c: Combination) -> Sheet:
    """One column an assay."""
    yes, no = vocabulary.LABEL_WORDS[c["label_words"]]
    names = c.random("wide").choice(_WIDE)
    chance, picked = c.random("wide cells"), picks(c)
    columns = [("SMILES", list(SMILES))]
    rows: list[Row] = []
    for k, name in enumerate(names):
        cells = []
        for i in range(20):
            label: int | None = int(NANOMOLAR[(i + 7 * k) % 20] < 1000)
            cell = yes if label else no
            if picked.blanks and chance.random() < 0.2:
                cell, label = _blank(c, Picks({i: c["blank"]}, {}, frozenset(), ""), i)
            if c["odd_label"] and k == 1 and i == min(picked.others):
                cell, label = c["odd_label"], None
            cells.append(cell)
            may_drop = c["label_words"] not in _CLEAR_WORDS or (bool(c["odd_label"]) and k == 1)
            rows.append(Row(SMILES[i], frozenset({name}), i, i, label=label, may_drop=may_drop))
        columns.append((name, cells))
    return Sheet(columns, {}, Expected(rows, [Rule(None)]), style="wide")


_WEB = {
    "molecule": "Molecule ChEMBL ID", "smiles": "Smiles", "type": "Standard Type",
    "relation": "Standard Relation", "value": "Standard Value", "units": "Standard Units",
    "pchembl": "pChEMBL Value", "validity": "Data Validity Comment",
    "duplicate": "Potential Duplicate", "assay": "Assay ChEMBL ID",
    "description": "Assay Description", "target": "Target ChEMBL ID", "target_name": "Target Name",
}  # fmt: skip
_API = {
    "molecule": "molecule_chembl_id", "smiles": "canonical_smiles", "type": "standard_type",
    "relation": "standard_relation", "value": "standard_value", "units": "standard_units",
    "pchembl": "pchembl_value", "validity": "data_validity_comment",
    "duplicate": "potential_duplicate", "assay": "assay_chembl_id",
    "description": "assay_description", "target": "target_chembl_id",
    "target_name": "target_pref_name",
}  # fmt: skip


def chembl_sheet(c: Combination) -> Sheet:
    """ChEMBL's export of activities, with one assay or two, and types that may be mixed."""
    api = c["chembl_style"] == "api"
    names, none = (_API, "") if api else (_WEB, "None" if c["chembl_style"] == "none word" else "")
    picked = picks(c)
    records: list[dict[str, str]] = []
    rows: list[Row] = []
    by_target = c["chembl_style"] == "target column"
    for i, nanomolar in enumerate(NANOMOLAR):
        kind, scale, usable = _standard_type(c, i)
        number = float(f"{scale.number(nanomolar, SMILES[i]):.6g}")
        sign = picked.signs.get(i, "=")
        said = interval(
            scale.score(number, SMILES[i]), sign, falls=scale.falls, rounded=scale.rounded
        )
        blank, flagged = i in picked.blanks, c["chembl_style"] == "flagged" and i in picked.others
        record = dict.fromkeys(names, none) | {
            "molecule": f"CHEMBL{100 + i}", "smiles": SMILES[i], "type": kind,
            "relation": spelled(c, sign) if api else f"'{spelled(c, sign)}'",
            "value": none if blank else f"{number:.6g}",
            "units": none if scale.log == "negative" else "%" if scale.percent else scale.unit,
            "assay": f"CHEMBL{900 + (i if by_target else i % 2)}", "target": "CHEMBL203",
            "description": 'Inhibition of "EGFR", human; 10 uM ATP', "target_name": "Receptor X",
            "validity": "Outside typical range" if flagged else none,
            "duplicate": "False" if api else "0",
        }  # fmt: skip
        if not usable:
            record["units"] = "ug.mL-1" if kind == "Cmax" else record["units"]
        exact = sign == "=" and not blank and usable and not scale.percent
        if exact and c["chembl_style"] != "no pchembl":
            record["pchembl"] = f"{9 - math.log10(nanomolar):.2f}"
        if c["chembl_style"] == "only pchembl":
            record |= {"value": none, "units": none, "relation": none}
            blank = not exact
        records.append(record)
        told = ("CHEMBL203",) if by_target else (record["assay"],)
        truths = () if blank or flagged or not usable else (said,)
        odd = c["relation_words"] not in ("ascii", "blank") or sign == "~"
        may_drop = (
            odd or c["standard_type"] not in ("IC50", "Ki") or c["chembl_style"] == "only pchembl"
        )
        rows.append(Row(SMILES[i], frozenset(told), i, i, truths, may_drop=may_drop))
    columns = [(title, [record[key] for record in records]) for key, title in names.items()]
    columns.insert(0, columns.pop(1))
    told_columns = {"threshold": c["threshold"]} if c["threshold"] != "none" else {}
    if c["direction"]:
        told_columns["direction"] = c["direction"]
    if by_target:
        told_columns["assay_column"] = "Target ChEMBL ID"
    scale = _standard_type(c, 0)[1]
    if c["chembl_style"] == "only pchembl":
        scale = Scale(log="negative", unit="M")
    expected = Expected(rows, rules(c, scale))
    if c["threshold"] == "none":
        up = rules(c, scale)[0].up
        expected.rules = [Rule("fsmol", up, percent=scale.percent)]
    return Sheet(columns, told_columns, expected, style="chembl")


def _standard_type(c: Combination, i: int) -> tuple[str, Scale, bool]:
    """A row's standard type, how its number is written, and whether it belongs to the assay."""
    kind = c["standard_type"]
    unit = c["unit"] if c["unit"] in ("nM", "uM", "mM", "M", "ug.mL-1", "pM") else "nM"
    if kind == "mixed":
        return (
            [("Cmax", Scale(unit="nM"), False), ("Ki", Scale(unit="nM"), False)][i % 2]
            if (i % 5 == 4)
            else ("IC50", Scale(unit="nM"), True)
        )
    if kind == "mixed units":
        return "IC50", Scale(unit=("nM", "uM", "mM")[i % 3]), True
    if kind == "nonmolar" and i % 6 == 5:
        return "IC50", Scale(percent=True), False
    if kind == "logged mix" and i % 6 == 5:
        return "pIC50", Scale(log="negative", unit="M"), True
    if kind == "Inhibition":
        return kind, Scale(percent=True), True
    if kind.startswith(("p", "-Log")) or kind == "Log 1/IC50":
        return kind, Scale(log="negative", unit="M"), True
    if kind.lower().startswith("log") and kind != "logged mix":
        return kind, Scale(log="log10", unit=unit if unit != "ug.mL-1" else "nM"), True
    return (kind if kind == "Ki" or kind == "Potency" else "IC50"), Scale(unit=unit), True


def pubchem_sheet(c: Combination) -> Sheet:
    """PubChem's data table of one bioassay."""
    name = c["pubchem_name"]
    ids = {"1851"} if "1851" in name else {name.split(".")[0]}
    picked, n_meta = picks(c), c.random("meta").randrange(7)
    by_value = c["pubchem_labels"].startswith(("value", "qualifier"))
    qualified = c["pubchem_labels"] in ("value and qualifier", "qualifier flag")
    words = {1: ("Active", "Probe", "active"), 0: ("Inactive", "Inactive", "inactive")}
    rows: list[Row] = []
    table: list[list[str]] = []
    meta = (
        "RESULT_TYPE", "RESULT_DESCR", "RESULT_UNIT", "RESULT_IS_ACTIVE_CONCENTRATION",
        "RESULT_IS_ACTIVE_CONCENTRATION_QUALIFIER", "RESULT_ATTR_CONC_MICROMOL",
    )[:n_meta]  # fmt: skip
    has_unit = "RESULT_UNIT" in meta and c["pubchem_labels"] != "value without unit"
    about = {"RESULT_TYPE": ("FLOAT", "STRING"), "RESULT_UNIT": ("MICROMOLAR" * has_unit, "")}
    for tag in meta:
        table.append([tag, *[""] * 7, *about.get(tag, ("", ""))])
    for i, nanomolar in enumerate(NANOMOLAR):
        active = int(nanomolar < 1000)
        label: int | None = active
        sign = picked.signs.get(i, "=") if qualified else "="
        word = words[active][i % 3]
        if i in picked.others:
            word, label = ("Inconclusive", "Unspecified")[i % 2], None
        number = float(f"{nanomolar / 1000:.6g}")
        value = "" if i in picked.blanks else f"{number:.6g}"
        truth = interval(9 - math.log10(number * 1000), sign, falls=True, rounded=False)
        truths: tuple[Interval, ...] = (truth,) if value and by_value else ()
        smiles = SMILES[i]
        table.append(
            [str(i + 1), str(i), str(i), smiles, word, "0", "", "", value, spelled(c, sign)]
        )
        odd = c["relation_words"] not in ("ascii", "blank") or sign == "~"
        odd |= i in picked.others
        label = None if by_value else label
        assay = frozenset(f"AID{n}" for n in ids if n.isdigit() and n == "1851") or frozenset(ids)
        rows.append(Row(smiles, assay, len(meta) + i, i, truths, label, may_drop=odd and by_value))
    titles = (
        "PUBCHEM_RESULT_TAG", "PUBCHEM_SID", "PUBCHEM_CID", "PUBCHEM_EXT_DATASOURCE_SMILES",
        "PUBCHEM_ACTIVITY_OUTCOME", "PUBCHEM_ACTIVITY_SCORE", "PUBCHEM_ACTIVITY_URL",
        "PUBCHEM_ASSAYDATA_COMMENT", "IC50", "IC50_Qualifier",
    )  # fmt: skip
    told: dict[str, str] = {}
    if by_value:
        told = {"value_column": "IC50", "threshold": c["threshold"].replace("none", "6")}
        told |= {} if has_unit else {"units": "uM"}
        if c["pubchem_labels"] == "value without unit":
            told.pop("units", None)
        if c["direction"]:
            told["direction"] = c["direction"]
        if c["pubchem_labels"] == "qualifier flag":
            told["relation_column"] = "IC50_Qualifier"
    columns = [(title, [line[k] for line in table]) for k, title in enumerate(titles)]
    chosen = rules(c, Scale(unit="uM")) if by_value else [Rule(None)]
    if chosen[0].threshold is None and by_value:
        chosen = [Rule(6.0, chosen[0].up)]
    return Sheet(columns, told, Expected(rows, chosen), name=name, style="pubchem")

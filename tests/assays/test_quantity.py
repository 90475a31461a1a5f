"""Names of value columns: every spelling says what it is, or that it cannot be told."""

from __future__ import annotations

import doctest

import pytest

from molmeta.assays import quantity, relations
from molmeta.assays.quantity import parse_quantity
from molmeta.assays.units import Unit
from molmeta.errors import InputError


@pytest.mark.parametrize(
    ("name", "symbol", "unit"),
    [
        ("IC50 (nM)", "IC50", "nM"),
        ("CDK2_IC50_nM", "IC50", "nM"),
        ("IC50nM", "IC50", "nM"),
        ("IC50nmol/L", "IC50", "nmol/L"),
        ("IC50 (10^-6 M)", "IC50", "uM"),
        ("IC50 x10-9 M", "IC50", "nM"),
        ("% inhibition at 10^-5 M", "inhibition", "%"),
        ("Kiapp (nM)", "apparent Ki", "nM"),
        ("app Ki (nM)", "apparent Ki", "nM"),
        ("IC50..nM.", "IC50", "nM"),  # as R spells it
        ("IC50 / nM", "IC50", "nM"),
        ("IC₅₀ (nM)", "IC50", "nM"),
        ("IC<sub>50</sub> [µM]", "IC50", "uM"),
        ("hERG IC50 (μM)", "IC50", "uM"),
        ("Protocol: IC50 (uM)", "IC50", "uM"),
        ("EC_50_um", "EC50", "um"),
        ("Ki (nmol/L)", "Ki", "nmol/L"),
        ("Kd [nmol L-1]", "Kd", "nmol L-1"),
        ("EGFR IC50 (micromolar)", "IC50", "micromolar"),
        ("MIC90_ug_per_mL", "MIC90", "ug_per_mL"),
        ("MIC (µg/mL)", "MIC", "ug/mL"),
        ("MIC (mg/dL)", "MIC", "mg/dL"),
        ("IC50 at 24 h (nM)", "IC50", "nM"),
        ("IC50 @ 10 uM ATP (nM)", "IC50", "nM"),
        ("wild type IC50 (nM)", "IC50", "nM"),
        ("PI3K delta IC50 (nM)", "IC50", "nM"),
        ("LN229 IC50 (nM)", "IC50", "nM"),
        ("M1 receptor Ki (nM)", "Ki", "nM"),
        ("IC50 ± SEM (nM)", "IC50", "nM"),
        ("IC50 uM (n=3)", "IC50", "uM"),
        ("Inhibition constant Ki (nM)", "Ki", "nM"),
        ("pIC50", "IC50", "pXC50"),
        ("pIC50 (M)", "IC50", "pXC50"),
        ("5-HT2A pKi", "Ki", "pXC50"),
        ("p(IC50)", "IC50", "pXC50"),
        ("pChEMBL Value", "pXC50", "pXC50"),
        ("-log10 IC50 (M)", "IC50", "pXC50"),
        ("−log10(IC50[M])", "IC50", "pXC50"),
        ("negLogIC50", "IC50", "pXC50"),
        ("minus log Ki (M)", "Ki", "pXC50"),
        ("log(1/IC50)", "IC50", "pXC50"),
        ("Kd (-log M)", "Kd", "pXC50"),
        ("log IC50 [nM]", "IC50", "log10 nM"),
        ("logIC50 [nM]", "IC50", "log10 nM"),
        ("IC50 (log nM)", "IC50", "log10 nM"),
        ("log IC50/nM", "IC50", "log10 nM"),
        ("IC50 logM", "IC50", "log10 M"),
        ("LOG10IC50 (nM)", "IC50", "log10 nM"),
        ("-Log10IC50 (M)", "IC50", "pXC50"),
        ("IC50 -lg", "IC50", "pXC50"),
        ("ln(IC50) (uM)", "IC50", "ln uM"),
        ("log2 MIC (ug/mL)", "MIC", "log2 ug/mL"),
        ("% inhibition @ 10 uM", "inhibition", "%"),
        ("PctInh_10uM", "inhibition", "%"),
        ("% displacement 1 uM", "displacement", "%"),
        ("% growth inhibition", "inhibition", "%"),
        ("value (nM)", "", "nM"),
    ],
)
def test_what_a_name_says(name: str, symbol: str, unit: str) -> None:
    said = parse_quantity(name)
    assert (said.symbol, said.unit_with(""), said.other, said.problem) == (symbol, unit, "", "")


@pytest.mark.parametrize(
    "name",
    ["IC50", "CDK2_IC50", "KRAS Ki", "CC50", "MIC", "Potency", "EC_50", "IC50_mean", "log IC50",
     "LN_IC50", "GI50", "NM_001 IC50", "M IC50", "IC50 10 uM", "MCF-7 GI50"],
)  # fmt: skip
def test_a_concentration_of_which_the_unit_is_not_said(name: str) -> None:
    said = parse_quantity(name)
    assert (said.concentration, said.unit_with(""), said.other) == (True, "", "")
    assert Unit.parse(said.unit_with("nM")).is_concentration


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("IC50 sd", "a spread"),
        ("SEM IC50 (nM)", "a spread"),
        ("IC50_n", "a count"),
        ("IC50 (nM) 95% CI", "a bound of an interval"),
        ("IC50 ratio", "a ratio"),
        ("SI (CC50/EC50)", "a ratio"),
        ("kinact/KI", "a ratio"),
        ("ΔpIC50", "a difference"),
        ("IC50_relation", "a relation"),
        ("IC50 units", "a unit"),
        ("IC50 class", "a class"),
        ("Dose (uM)", "a concentration that was tested"),
        ("Solubility (uM)", "a solubility"),
    ],
)
def test_names_of_what_is_no_value(name: str, other: str) -> None:
    assert parse_quantity(name).other == other


@pytest.mark.parametrize(
    "name",
    [
        "IC50-log10",
        "1/IC50",
        "IC50 (p M)",
        "mM inhibition",
        "log % inhibition",
        "-log10 IC50 (U/tube)",
        "Concentration for 50% inhibition (uM)",
        "â€“log10 IC50",
        "IC50 (nM or uM)",
        "IC50 (%)",
        "-lg abs IC50 (nM)",
        "?log10 IC50",
        "neglog IC50_1_mM",
        "IC50 (10-8 M)",
    ],
)
def test_names_that_contradict_themselves(name: str) -> None:
    assert parse_quantity(name).problem


@pytest.mark.parametrize("name", ["pKa", "Ki-67", "Ki67", "kinase", "MW", "logP", "CNS", "name"])
def test_names_of_other_things(name: str) -> None:
    said = parse_quantity(name)
    assert (said.symbol, said.concentration, said.unit) == ("", False, "")


@pytest.mark.parametrize("name", ["% viability", "% of control", "% activity remaining", "score"])
def test_what_could_rise_or_fall_with_activity(name: str) -> None:
    assert parse_quantity(name).rises is None


@pytest.mark.parametrize(
    ("name", "stated"),
    [("pIC50 (nM)", ""), ("pIC50", "nM"), ("IC50 (nM)", "uM"), ("IC50 (nM)", "%"),
     ("pIC50", "log nM")],
)  # fmt: skip
def test_contradictions_are_refused(name: str, stated: str) -> None:
    with pytest.raises(InputError, match="unit of the values under"):
        parse_quantity(name).unit_with(stated)


@pytest.mark.parametrize(
    ("spelling", "sign"),
    [
        *[(word, ">") for word in (">", ">>", "＞", "&gt;", "gt", "greater than", "'>'", ">~")],
        *[(word, ">=") for word in ("≥", "=>", ">/=", ">=", "&ge;", "at least", "GTE")],
        *[(word, "<") for word in ("<", "<<", "&lt;", "less_than", '"<"')],
        *[(word, "<=") for word in ("≤", "=<", "⩽", "up to")],
        *[(word, "=") for word in ("=", "'='", "eq", "equals")],
        *[(word, "~") for word in ("~", "≈", "ca.", "about", "approx.")],
        *[(word, "") for word in ("", "None", "NaN", "-")],
        *[(word, "unknown") for word in ("<>", "maybe", "!", "5", "><")],
    ],
)
def test_relations_in_any_spelling(spelling: str, sign: str) -> None:
    assert relations.canonical(spelling) == sign


def test_examples() -> None:
    for module in (quantity, relations):
        assert doctest.testmod(module).failed == 0

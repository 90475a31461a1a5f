"""Cells of value columns: numbers with signs, units, errors and commas, or a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from molmeta.assays.cells import decimal_mark, read_values
from molmeta.errors import InputError


def read(cell: object, decimal: str | None = None) -> tuple[float, str, str, str]:
    values = read_values(pd.Series([cell]), decimal)
    return values.value[0], values.relation[0], values.unit[0], values.reason[0]


@pytest.mark.parametrize(
    ("cell", "value", "relation", "unit"),
    [
        ("12", 12, "", ""),
        (" 1e-7 ", 1e-7, "", ""),
        ("-5.2", -5.2, "", ""),
        ("−5.2", -5.2, "", ""),
        (".5", 0.5, "", ""),
        (">10", 10, ">", ""),
        ("> 10 µM", 10, ">", "μM"),
        ("≥ 10", 10, ">=", ""),
        ("&gt;10", 10, ">", ""),
        ("greater than 10", 10, ">", ""),
        ("'>10'", 10, ">", ""),
        ("<0.1", 0.1, "<", ""),
        ("~3", 3, "~", ""),
        ("ca. 3", 3, "~", ""),
        ("0.42 uM", 0.42, "", "uM"),
        ("91nM", 91, "", "nM"),
        ("0.42 (uM)", 0.42, "", "uM"),
        ("55 %", 55, "", "%"),
        ("10 ± 2", 10, "", ""),
        ("10 +/- 2 nM", 10, "", "nM"),
        ("10 (± 2)", 10, "", ""),
        ("3.1 (n=2)", 3.1, "", ""),
    ],
)
def test_cells(cell: str, value: float, relation: str, unit: str) -> None:
    number, *rest = read(cell)
    assert number == pytest.approx(value)
    assert rest == [relation, unit, ""]


@pytest.mark.parametrize("cell", ["", "NA", "n.d.", "NT", "-", None, float("nan")])
def test_blanks_have_no_reason(cell: object) -> None:
    value, _, _, reason = read(cell)
    assert np.isnan(value)
    assert reason == ""


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1-3", "range"),
        ("1 – 3", "range"),
        ("1 to 3", "range"),
        ("inactive", "no number"),
        ("#N/A", "no number: #N/A"),
        ("#DIV/0!", "no number: #DIV/0!"),
        ("10 foo", "no number"),
        ("5 x 10^3", "no number"),
        ("inf", "no number"),
        ("1e999", "no number"),
        ("<> 5", "no number"),
        ("1,234", "--decimal"),
        ("7,92", "--decimal"),
        (float("inf"), "infinite"),
    ],
)
def test_what_is_no_value_says_why(cell: object, reason: str) -> None:
    value, _, _, why = read(cell)
    assert np.isnan(value)
    assert reason in why


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("7,92", "comma", 7.92),
        ("1.234,5", "comma", 1234.5),
        ("1,2E-7", "comma", 1.2e-7),
        ("1,234", "point", 1234),
        ("1,234.5", "point", 1234.5),
        ("1.234", "comma", 1234),
        ("1.234.567", "comma", 1234567),
        ("1.5", "comma", None),
        ("7,92", "point", None),
        ("1,2,3", "comma", None),
    ],
)
def test_commas(cell: str, decimal: str, value: float | None) -> None:
    found, _, _, reason = read(cell, decimal)
    assert (reason == "") == (value is not None)
    assert value is None or found == pytest.approx(value)


@pytest.mark.parametrize(
    ("cells", "small", "mark"),
    [
        (["1.5", "2"], False, None),
        (["7,92", "6"], False, "comma"),
        (["1,234", "0,5"], False, "comma"),
        (["0,125"], False, "comma"),
        (["1,234", "1,234,567"], False, "point"),
        (["1,234.5"], False, "point"),
        (["7,921", "6,602"], True, "comma"),
        (["a, b", "note 1,234"], False, None),
    ],
)
def test_what_a_comma_is(cells: list[str], small: bool, mark: str | None) -> None:
    assert decimal_mark(pd.Series(cells), None, "column", small=small) == mark


def test_commas_that_could_be_either_are_asked_for() -> None:
    for cells in (["1,234", "12"], ["7,92", "1,234,567"]):
        with pytest.raises(InputError, match="--decimal"):
            decimal_mark(pd.Series(cells), None, "column", small=False)
    assert decimal_mark(pd.Series(["1,234"]), "comma", "column", small=False) == "comma"


GERMAN = ["1.200", "15.000", "2.500", "800", ">45.000 nM"]


def test_points_that_could_all_group_thousands_are_asked_for() -> None:
    with pytest.raises(InputError, match=r"--decimal comma if it is 1200"):
        decimal_mark(pd.Series(GERMAN), None, "column", small=False)
    thousands = read_values(pd.Series(GERMAN), "comma")
    assert thousands.value.tolist() == [1200, 15000, 2500, 800, 45000]
    assert read_values(pd.Series(GERMAN), "point").value.tolist() == [1.2, 15, 2.5, 800, 45]


@pytest.mark.parametrize("other", ["0.125", "12.5", "7,9"])
def test_another_point_or_comma_tells_what_points_are(other: str) -> None:
    decimal_mark(pd.Series([*GERMAN, other]), None, "column", small=False)


def test_two_points_in_a_number_group_thousands() -> None:
    cells = pd.Series(["1.200", "1.200.000"])
    assert decimal_mark(cells, None, "column", small=False) == "comma"
    assert read_values(cells, "comma").value.tolist() == [1200, 1200000]


def test_logarithms_and_a_single_point_are_no_thousands() -> None:
    assert decimal_mark(pd.Series(["7.921", "6.602"]), None, "column", small=True) is None
    assert decimal_mark(pd.Series(["7.921", "6"]), None, "column", small=False) is None


def test_a_point_beside_decimal_commas_is_not_guessed() -> None:
    values = read_values(pd.Series(["7,92", "1.234"]), "comma")
    assert values.value[0] == 7.92
    assert values.reason[1].startswith("value with a point where others have a decimal comma")

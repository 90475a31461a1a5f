"""The dimensions of a table and the words for them, as people write them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """What may be chosen: well-formed and unambiguous (`plain`, the first is the default), or odd.

    A refusal because of an odd choice names one of `words`.
    """

    plain: tuple[str, ...]
    odd: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


# What a unit of concentration is in nM; of a mass a volume, in g/L.
MOLAR = {
    "nM": 1.0, "uM": 1e3, "µM": 1e3, "mM": 1e6, "M": 1e9, "pM": 1e-3, "nmol/L": 1.0,
    "umol/L": 1e3, "μM": 1e3, "nanomolar": 1.0, "micromolar": 1e3, "nm": 1.0, "um": 1e3,
    "UM": 1e3, "NM": 1.0, "µmol/l": 1e3, "ÂµM": 1e3, "mol/L": 1e9, "u M": 1e3, "mcM": 1e3,
    "nM.": 1.0, "μmol/L": 1e3, "nmol/l": 1.0, "nMol": 1.0, "10^-6 M": 1e3, "x10-9 M": 1.0,
    "nmol.L-1": 1.0, "nmoles/L": 1.0, "µ M": 1e3, "pmol/mL": 1.0, "nmol/mL": 1e3,
    "pmol/uL": 1e3, "fM": 1e-6, "nM/L": 1.0, "uM/L": 1e3, "nanomoles/liter": 1.0,
    "umol/litre": 1e3, "micromol/L": 1e3, "millimolar": 1e6,
}  # fmt: skip
MASS = {
    "ug/mL": 1e-3, "µg/mL": 1e-3, "mg/L": 1e-3, "ng/mL": 1e-6, "ug.mL-1": 1e-3,
    "μg/ml": 1e-3, "mcg/mL": 1e-3, "ug ml-1": 1e-3, "mg/mL": 1.0, "ug/ml": 1e-3,
    "mg/dL": 1e-2, "g/L": 1.0, "ug/L": 1e-6, "ug per mL": 1e-3, "µg·mL⁻¹": 1e-3, "pg/mL": 1e-9,
}  # fmt: skip
# Of percentages: whether more of it is more active.
HIGHER = (
    "% inhibition", "inhibition", "percent inhibition", "%inh", "PCT_INH", "Inhibition",
    "% displacement", "% growth inhibition", "inhibition (%)", "Inhibition_pct", "% cell death",
    "% Inhib.",
)  # fmt: skip
LOWER = (
    "% viability", "% control", "% remaining activity", "% survival", "viability (%)",
    "residual activity (%)", "% of control", "percent viability", "cell viability", "% growth",
    "% activity remaining", "% cell viability",
)  # fmt: skip
NEGATIVE_LOGS = (
    "p", "-log10", "neg log", "-log", "-Log10", "−log10", "minus log", "-lg", "negative log10",
    "neglog", "-LOG", "–log10"
)  # fmt: skip
POSITIVE_LOGS = ("log10", "log", "Log", "LOG10", "lg", "log 10", "Log10")
NATURAL_LOGS = ("ln", "LN", "loge")

# Spellings of >, >=, <, <=, = and ~ in one hand.
RELATIONS = {
    "ascii": (">", ">=", "<", "<=", "=", "~"),
    "blank": (">", ">=", "<", "<=", "", "~"),
    "unicode": (">", "≥", "<", "≤", "=", "≈"),
    "slanted": ("≻", "⩾", "≺", "⩽", "=", "∼"),
    "double": ("≫", "≧", "≪", "≦", "=", "~"),
    "fullwidth": ("＞", "＞＝", "＜", "＜＝", "＝", "～"),
    "html": ("&gt;", "&ge;", "&lt;", "&le;", "=", "~"),
    "numeric": ("&#62;", "&#8805;", "&#60;", "&#8804;", "&#61;", "&#126;"),
    "letters": ("gt", "ge", "lt", "le", "eq", "ca"),
    "capitals": ("GT", "GE", "LT", "LE", "EQ", "CA."),
    "words": (
        "greater than", "at least", "less than", "at most", "equals", "about",
    ),
    "more": ("more than", "greater than or equal to", "below", "less than or equal", "is", "ca."),
    "above": ("above", "min", "below", "max", "exact", "approx."),
    "quoted": ("'>'", "'>='", "'<'", "'<='", "'='", "'~'"),
    "double quoted": ('">"', '">="', '"<"', '"<="', '"="', '"~"'),
    "half quoted": ("'>", "'>=", "'<", "'<=", "'=", "'~"),
    "about": (">~", ">~", "<~", "<~", "=", "~"),
    "before": ("~>", "~>", "~<", "~<", "=", "~"),
    "triple": (">>>", ">>", "<<<", "<<", "=", "~"),
    "slash": (">", ">/=", "<", "</=", "=", "~"),
    "arrow": (">", "=>", "<", "=<", "=", "~"),
    "spaced": (" > ", "> =", " < ", "< =", " = ", " ~ "),
    "brackets": ("[>]", "(>=)", "[<]", "(<=)", "[=]", "(~)"),
    "equal twice": (">", ">==", "<", "<==", "==", "~="),
    "nonsense": ("@", "@@", "%", "§", "=", "?"),
    "mistyped": ("›", "»", "‹", "«", "=", "~"),
}  # fmt: skip
SIGNS = (">", ">=", "<", "<=", "=", "~")

LABEL_WORDS = {
    "1/0": ("1", "0"), "1.0/0.0": ("1.0", "0.0"), "active/inactive": ("active", "inactive"),
    "Active/Inactive": ("Active", "Inactive"), "yes/no": ("yes", "no"), "Y/N": ("Y", "N"),
    "true/false": ("true", "false"), "TRUE/FALSE": ("TRUE", "FALSE"), "T/F": ("T", "F"),
    "pos/neg": ("pos", "neg"), "positive/negative": ("Positive", "Negative"), "+/-": ("+", "-"),
    "hit/no hit": ("hit", "no hit"), "A/I": ("A", "I"), "1/-1": ("1", "-1"), "2/1": ("2", "1"),
    "toxic/safe": ("toxic", "non-toxic"), "high/low": ("high", "low"),
    "0.9/0.1": ("0.9", "0.1"), "act./inact.": ("act.", "inact."), "+/−": ("+", "−"),
    "active/not active": ("active", "not active"), "1/2": ("1", "2"), "100/0": ("100", "0"),
    "x/blank": ("x", ""), "1 /0 ": ("1 ", " 0"), "1,0/0,0": ("1,0", "0,0"),
    "1e0/0e0": ("1e0", "0e0"), "01/00": ("01", "00"), "0/-": ("1", "-0"),
}  # fmt: skip

DIMENSIONS = {
    "shape": Dimension(
        ("long", "long", "long", "long", "assays", "assays", "labels", "wide", "chembl", "pubchem")
    ),
    "quantity": Dimension(
        ("IC50", "EC50", "Ki", "Kd", "AC50", "GI50", "CC50", "MIC", "Potency", "% inhibition"),
        (
            "XC50", "EC_50", "IC 50", "ic50", "IC-50", "Ic50", "IC_50", "IC90", "LC50", "ED50",
            "TGI", "K_i", "KI", "K i", "DC50", "app Ki", "Ki app", "IC₅₀", "abs IC50", "ic_50",
            "EC50_abs", "MBC", "KD", "Kb", "Ec50", "IC50value", "IC50 value", "inhibitory conc.",
            "LD50", "MEC", "IC20", "rel. EC50", "half-maximal concentration", "Affinity", "TC50",
            "potency", "IC50s", "Concentration for 50% inhibition", *HIGHER, *LOWER,
        ),
        ("column", "unit", "direction", "value"),
    ),
    "log": Dimension(
        ("", "", "p", "-log10", "log10"),
        ("", "p", *NEGATIVE_LOGS[2:], *POSITIVE_LOGS[1:], *NATURAL_LOGS),
        ("log", "unit", "column"),
    ),
    "log_place": Dimension(
        ("before",),
        ("call", "square", "inside", "slash", "after", "nested", "nested square", "bare"),
        ("log", "unit", "column"),
    ),
    "unit": Dimension(
        ("nM", "uM", "µM", "mM", "M", "nmol/L", "ug/mL", "mg/L"),
        (*MOLAR, *MASS),
        ("unit", "column", "value"),
    ),
    "unit_place": Dimension(
        ("brackets", "square", "underscore", "column", "flag"),
        (
            "space", "comma", "slash", "in", "front", "cells", "cells close", "none", "none",
            "mixed column", "mixed cells", "blank units", "strange units", "header and cells",
            "unnamed column", "flag column", "flag against header", "colon", "curly", "pX flag",
            "row of units", "tight", "tight square", "glued", "dash", "dot", "unit first",
        ),
        ("unit", "column", "value"),
    ),
    "dose": Dimension(
        ("",),
        (
            "@ 10 uM", "at 10 µM", "10uM_", "(10 uM)", ", 10 µM", "@10uM", "@ 1 mM ATP",
            "at pH 7.4", "24h", "_72h", "in 5 % DMSO", "with 1 uM cofactor", "n=3", "@ 10 μM",
            "10 uM", "_10uM", "_10_uM", "at 10000 nM", "@ 10 µg/mL", "(1 nM tracer)", "at 1 µM ATP",
            "[10 uM]", "10 µM ", "@ 0.1 M NaCl", "@ Km ATP",
        ),
        ("unit", "column", "value", "dose"),
    ),
    "statistic": Dimension(
        ("",),
        (
            "mean", "avg", "median", "geomean", "average", "Mean", "GMean", "geo. mean", "_mean",
            "_avg", "(mean)", "_median", "avg.", "best", "final", "mean of 3", "curated", "_1",
            "Result", "arithmetic mean",
        ),
        ("column", "unit", "value"),
    ),
    "target": Dimension(
        ("",),
        (
            "CDK2_", "KRAS ", "hERG ", "5-HT2A ", "p53 ", "p38 ", "PARP1_", "mTOR_", "NM23_",
            "MM1.S ", "M1 ", "pS6 ", "PI3K ", "Log1 ", "UM-UC-3 ", "A549_", "CDK2/cyclin A ",
            "EGFR (T790M) ", "EGFR: ", "hERG.", "Kv1.5 ", "MIC-1 ", "P. falciparum ", "Ki-67_",
            "5HT2a-", "inhibition of CDK2 ", "uM-cell ", "Protocol: ", "mM ",
            "PKD1 ", "pKC_",
        ),
        ("column", "unit", "value"),
    ),
    "type_place": Dimension(
        ("header",), ("column", "mixed column", "column and header"), ("type", "unit", "value")
    ),
    "value_named": Dimension(("yes",), ("no",), ("column", "unit", "label", "value")),
    "notation": Dimension(
        ("general",),
        (
            "exponent", "E", "x10", "fixed", "padded", "±", "+/-", "range", "en dash range",
            "to range", "(n=3)", "plus", "three decimals", "nbsp", "(sd)", "star", "approx",
            "×10^", "no leading zero", "sd in ;", "trailing point", "underscore",
        ),
        ("value", "number", "cell", "line"),
    ),
    "decimal": Dimension((".",), (",",), ("value", "number", "cell", "line", "decimal", "comma")),
    "thousands": Dimension(
        ("",), (",", " ", "'", ".", "\u202f", "\xa0"), ("value", "number", "cell", "line", "thous")
    ),
    "blank": Dimension(
        ("", "NA", "NaN", "#N/A", "n/a", "-", "n.d.", "NT", "None"),
        (
            "ND", "n.t.", "null", "#VALUE!", ".", "--", "—", "not tested", "0", "inf", "?", "n.a.",
            "TBD", "#DIV/0!", "missing", "*", "nd", "no fit", "-999", "not determined", "NULL",
            "N.D.", "-inf", "#REF!", "<NA>", "nan", "(blank)", "−", "–", "failed", "1e999", "\\N",
            "no data", "#NUM!", "none", "NaT", "Infinity", "N", "x", "’", "0.0", "-1", "n/d",
            "TRUE", "2024-05-01", "see comment", ">", "<", "%", "nM", "12 nM?", "1.2.3", "0x10",
        ),
        ("value", "number", "cell", "label", "unit"),
    ),
    "n_blank": Dimension(("none", "some", "some"), ("most",), ("value", "label", "cell")),
    "relation": Dimension(
        ("none", "column", "column"),
        (
            "cells", "cells", "after", "elsewhere", "unnamed", "side before", "side between",
            "side after", "conflict", "unit between", "named for it", "cell after number",
            "named for another",
        ),
        ("relation", "column", "value"),
    ),
    "relation_words": Dimension(
        ("ascii", "blank"), tuple(RELATIONS), ("relation", "value", "number", "cell", "quot")
    ),
    "relation_name": Dimension(
        ("relation", "standard_relation", "Relation", "Standard Relation"),
        (
            "Qualifier", "Operator", "Qual", "prefix", "sign", "Modifier", "=", "rel", "censor",
            "comparator", "Symbol", "column",
        ),
        ("relation", "column"),
    ),
    "relation_flag": Dimension(("yes", "no"), (), ()),
    "separator": Dimension((",", ";", "\t"), ("|", "  ", " "), ("delimit", "separat", "column")),
    "quoting": Dimension(
        ("minimal", "all"),
        ("none", "stray", "opens", "opens and closes", "single", "inch", "backslash", "odd one"),
        ("quot", "line", "cell"),
    ),
    "header": Dimension(
        ("yes",),
        (
            "none", "title", "three titles", "hash", "three hashes", "blank lines", "hash header",
            "repeated", "footer", "padded", "title with commas", "sep=", "hash end",
            "twice", "total row", "two rows", "lower rows", "one name short", "one name more",
        ),
        ("header", "line", "column", "row"),
    ),
    "newline": Dimension(
        ("\n", "\r\n"), ("\r", "no final", "blank lines", "mixed", "spaces line"), ("line",)
    ),
    "encoding": Dimension(
        ("utf-8", "utf-8-sig"),
        ("utf-16", "cp1252", "utf-16-le", "utf-16-be", "mac-roman", "utf-8 twice", "nul"),
        ("utf", "encod", "byte", "unit", "column"),
    ),
    "container": Dimension(("raw", "gz"), ("xlsx", "bz2", "xz", "parquet", "zip"), ("workbook",)),
    "extra": Dimension(
        ("none", "ids", "names", "many"),
        (
            "spread", "counter screen", "other quantities", "dates", "multiline", "long row",
            "short row", "trailing cells", "repeated names", "index", "second smiles",
            "descriptors", "long rows all", "blank column", "two long rows", "confusing",
            "merged cells", "multiline rows", "one long first row", "classes", "dose and unit",
        ),
        ("line", "column", "cell", "row"),
    ),
    "order": Dimension(("smiles first", "value first", "smiles last")),
    "smiles_name": Dimension(
        ("SMILES", "smiles", "canonical_smiles", "Structure", "mol"),
        ("cpd", "flag", "Ligand SMILES", "SMILES (canonical)", "input", "Compound"),
        ("smiles", "column"),
    ),
    "smiles_cells": Dimension(
        ("as is",),
        ("bad", "blank", "inchi", "padded", "cxsmiles", "with name", "NaN", "salt", "quoted"),
        ("smiles", "molecul"),
    ),
    "threshold": Dimension(
        ("6", "6.5", "median", "5.5"),
        ("1000", "100", "none", "7", "1 uM", "-6", "6,5", "nan", "50"),
        ("threshold", "pxc50", "label"),
    ),
    "direction": Dimension(("",), ("higher", "lower"), ("direction",)),
    "repeats": Dimension(("none",), ("exact", "contradicting", "differing"), ("label",)),
    "label_words": Dimension(
        ("1/0", "1.0/0.0", "active/inactive", "Active/Inactive", "yes/no", "true/false"),
        tuple(LABEL_WORDS),
        ("label", "column"),
    ),
    "label_name": Dimension(
        ("active", "label", "activity", "y"),
        ("Activity Class", "outcome", "class", "Active?", "flag"),
        ("label", "column"),
    ),
    "odd_label": Dimension(
        ("",), ("inconclusive", "2", "maybe", "0.5", "-1", "active?", "TBD"), ("label", "column")
    ),
    "standard_type": Dimension(
        ("IC50", "Ki"),
        (
            "mixed", "Log IC50", "pIC50", "-Log IC50", "Log Ki", "Inhibition", "mixed units",
            "logged mix", "pKi", "Log 1/IC50", "-Log Ki", "log IC50", "LogIC50", "Log(IC50)",
            "Potency", "nonmolar",
        ),
        ("type", "unit", "value", "label", "log"),
    ),
    "chembl_style": Dimension(
        ("web", "api"),
        ("flagged", "no pchembl", "only pchembl", "none word", "target column", "target units"),
        ("column",),
    ),
    "pubchem_name": Dimension(
        ("AID_1851_datatable.csv", "AID_1851.csv", "AID1851.csv"),
        (
            "2024-05-AID_1851_datatable.csv", "datatable (3).csv", "pubchem_2024.csv",
            "aid1851-2.csv", "raid_12.csv", "12.csv", "plaid7_x.csv",
        ),
        ("aid", "assay"),
    ),
    "pubchem_labels": Dimension(
        ("outcome", "value"),
        ("value and qualifier", "value without unit", "qualifier flag", "rows of text"),
        ("column", "value", "unit", "relation"),
    ),
}  # fmt: skip

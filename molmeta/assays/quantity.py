"""The name of a value column: quantity, logarithm, unit, dose, statistic and target.

One grammar for columns (`CDK2_IC50_nM`, `% inhibition @ 10 uM`) and for the types that exports put
into cells (`Log IC50`, `pKi`).
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from molmeta.assays.units import OF_POWER, PERCENT, POWER, PXC50, Unit
from molmeta.errors import InputError

_HERE = "\x01"  # where the quantity stood
_SEPARATOR = r"[\s_.\-]*"
_HALF = r"(?:[xiegacltdbm]c|gi|ed|ld|id)"
_SYMBOL = (
    rf"(?P<half>{_HALF}{_SEPARATOR}(?:50|10|20|25|30|75|80|90|95|99))(?!\d)"
    rf"|(?P<k>k{_SEPARATOR}[idb])(?:(?![a-z0-9])|(?=app))(?!-?\d)"
    rf"|(?P<mic>(?:m[ibfe]c|tgi)(?:{_SEPARATOR}(?:50|80|90))?)(?![a-z0-9])"
    r"|(?P<potency>potency|ac50|xc50)(?![a-z0-9])"
)
_QUANTITY = re.compile(
    rf"(?<![a-z0-9])(?P<p>p(?:(?-i:(?<=p))[\s.\-]*|_*)[(\[]?)?(?P<inverse>1\s*/\s*)?"
    rf"(?:(?P<glued>(?:-\s*|neg{_SEPARATOR})?(?:log10|log2|loge|log|lg|ln))|(?<![0-9]))"
    rf"(?:{_SYMBOL})",
    re.IGNORECASE,
)
# Names that are −log10 of a concentration in M by themselves.
_P_NAMES = re.compile(
    r"(?<![a-z0-9])(?:pchembl|pxc50|pactivity|pact|paffinity|ppotency|ppot|pa2)(?![a-z0-9])",
    re.IGNORECASE,
)
_LOG = re.compile(
    rf"(?<![a-z])(?P<minus>(?:neg(?:ative)?|minus){_SEPARATOR}|-\s*)?"
    r"(?P<log>log[\s_]?10|log[\s_]?2|log[\s_]?e|log|lg|ln)(?=$|[^a-z0-9]|[fpnu]?m(?![a-z])|[fpnum]mol)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?<![A-Za-z0-9])(?:[fpnum]?mol(?:es?)?\s?(?:/|\s*per\s*|[._ *])\s?[umd]?[lL](?:\^?-1)?"
    r"|(?:femto|pico|nano|micro|milli)?molar"
    r"|(?:[pnum]|mc)?g\s?(?:/|\s?_?per_?\s?|[._ *])\s?[umd]?[lL](?:\^?-1)?"
    r"|nM|nm|NM|uM|um|UM|mM|pM|fM|M)(?![A-Za-z0-9])"
)
_UNIT_LIKE = re.compile(r"[(\[]\s*[A-Za-z]{1,8}\s*/\s*[A-Za-z]{1,5}\s*[)\]]|-1\b")
_DOSE = re.compile(
    r"(?:@|(?<![a-z])at(?![a-z]))[\s_(\[]*\d+(?:[.,]\d+)?[\s_]*(?:[a-zµ%]+(?:/m?l)?)?[)\]]?"
    r"|(?<![a-z0-9.])\d+(?:[.,]\d+)?[\s_]?(?:[fpnum]m|m|[pnum]?g/m?l)(?![a-z0-9])",
    re.IGNORECASE,
)
# "at 10^-5 M" is a dose, "10^-6 M" alone a unit.
_POWER = re.compile(rf"(?P<dose>(?:@|(?<![a-z])at)\s*)?{POWER}")
_ORNAMENTS = re.compile(r"</?su[bp]>|[{}$\\]|\(?\bn\s*=\s*\d+\)?|(?:±|\+/-)\s*\w+")
_PERCENT = re.compile(r"%|(?<![a-z])(?:percent|percentage|pct|perc)(?![a-z])", re.IGNORECASE)
# What rises with activity, and what beside it could turn that round.
_EFFECTS = {
    "inhib": "inhibition", "inh": "inhibition", "activation": "activation",
    "stimul": "stimulation", "displac": "displacement", "effica": "efficacy", "effect": "effect",
    "emax": "efficacy", "induct": "induction", "block": "block", "antagonis": "antagonism",
    "kill": "kill", "reduction": "reduction", "degrad": "degradation",
}  # fmt: skip
_RISES = re.compile(
    r"inhib|(?<![a-z])inh(?![a-z])|activation|stimul|displac|effica|(?<![a-z])effect|induct|"
    r"block|antagonis|(?<![a-z])kill|reduction|degrad|(?<![a-z])emax",
    re.IGNORECASE,
)
_TURNS = re.compile(
    r"viab|surviv|remain|resid|unbound|recover|uninhib|(?<![a-z])no(?:n|t)?(?![a-z])", re.IGNORECASE
)
_GROUPS = {
    "a spread": "sd std stdev stddev sem se stderr err error cv rsd var deviation variance iqr mad",
    "a bound of an interval": "ci ci95 lower upper lcl ucl",
    "a count": "n count reps replicates nobs",
    "a ratio": "ratio fold shift selectivity",
    "a difference": "diff difference change",
    "a rank": "rank",
}
_AFTER_GROUPS = {
    "a relation": "relation relations qualifier operator modifier prefix sign qual censor censored "
    "censoring",
    "a unit": "unit units uom",
    "a class": "class active label flag bin category outcome",
    "a remark": "comment comments note notes type ref date reference",
    "a quality of fit": "hill slope r2 rmse quality",
    "an identifier": "id",
}
_DOSES = {
    "a concentration that was tested": "dose conc concentration tested",
    "a level in blood": "cmax",
    "a solubility": "solubility sol",
}


def _by_word(groups: dict[str, str]) -> dict[str, str]:
    return {word: what for what, words in groups.items() for word in words.split()}


_STATISTICS = _by_word(_GROUPS)
_AFTER = _STATISTICS | _by_word(_AFTER_GROUPS)
_NO_QUANTITY = _by_word(_DOSES)
RELATION = "a relation"


@dataclass(frozen=True, slots=True)
class Quantity:
    """The meaning of a value column's name.

    Attributes:
        name: As given.
        symbol: The quantity, one spelling for all ("IC50", "Ki", "inhibition"); "" where unknown.
        concentration: Whether it is a concentration, or the logarithm of one.
        logarithm: "" for none, "p" for a name such as pIC50, "-log10", "log10", "log2" or "ln".
        unit: The unit that the name states ("nM", "%", "pXC50"), "" where none; of a logarithm's
            argument.
        rises: Whether a higher value is more active; None where it is not known.
        other: What the column holds instead of measured values ("a spread"), "" where values.
        problem: What in the name contradicts itself, "" where nothing does.
    """

    name: str
    symbol: str = ""
    concentration: bool = False
    logarithm: str = ""
    unit: str = ""
    rises: bool | None = None
    other: str = ""
    problem: str = ""

    @property
    def is_pxc50(self) -> bool:
        """Tell whether the values are −log10 of concentrations."""
        return self.logarithm in ("p", "-log10")

    def unit_with(self, stated: str) -> str:
        """The unit of the values, where another place than the name states one too.

        Args:
            stated: A unit, "" where none.

        Returns:
            In the language of `Unit.parse`; "" where nobody states it.

        Raises:
            InputError: If the two contradict each other.
        """
        of = Unit.parse(stated)
        differs = stated and self.unit and of.key != Unit.parse(self.unit).key
        if differs and not (self.logarithm and _is_log(of)):
            raise self._contradiction(stated, self.unit)
        if _is_log(of):  # it states the whole
            if self.is_pxc50 and of.logarithm:
                raise self._contradiction(stated, PXC50)
            return stated
        unit = stated or self.unit
        if not self.logarithm:
            return unit
        if self.is_pxc50:
            if unit and Unit.parse(unit).key != "m":
                raise self._contradiction(unit, "M, of which a pXC50 is −log10")
            return PXC50 if unit or self.concentration else ""
        return f"{self.logarithm} {unit}" if unit else ""

    def _contradiction(self, got: str, expected: str) -> InputError:
        return InputError.of(
            f"unit of the values under {self.name!r}",
            got=repr(got),
            expected=expected,
            fix="Say with --units what the values are (pXC50, nM, log nM …), or rename the column.",
        )


def _is_log(unit: Unit) -> bool:
    return unit.is_concentration and (unit.logarithm != 0 or unit.exponent != unit.exponent)


@lru_cache(maxsize=4096)
def parse_quantity(name: str) -> Quantity:
    """Read the name of a value column, or the type that an export gives a value.

    >>> parse_quantity("CDK2_IC50_nM").symbol, parse_quantity("CDK2_IC50_nM").unit
    ('IC50', 'nM')
    >>> parse_quantity("log IC50 [nM]").unit_with("")
    'log10 nM'
    >>> parse_quantity("pIC50 (M)").unit_with("")
    'pXC50'
    >>> parse_quantity("% inhibition @ 10 uM").unit
    '%'
    """
    text = unicodedata.normalize("NFKC", name).replace("μ", "u").replace("−", "-")
    text = _ORNAMENTS.sub("", text.replace("–", "-"))
    text = re.sub(r"(?<![A-Za-z0-9])([fnum])\s+(M|mol)(?![A-Za-z])", r"\1\2", text)
    text = _POWER.sub(lambda m: "" if m["dose"] else OF_POWER.get(m["power"], _HERE), text)
    if _HERE in text:
        return Quantity(name, problem="a power of ten that is no unit", concentration=True)
    # A dash that was decoded twice, or that an encoding has no sign for.
    if "â€" in text or re.search(r"[?\ufffd]\s*(?:log|lg|ln)", text, re.IGNORECASE):
        return Quantity(name, problem="a sign that was decoded wrongly", concentration=True)
    if match := _P_NAMES.search(text):
        known = Quantity(name, PXC50, concentration=True, logarithm="p", rises=True)
        return _with_rest(known, text[: match.start()] + _HERE + text[match.end() :])
    if not (match := _QUANTITY.search(text)):
        return _without_quantity(Quantity(name), text)
    known = Quantity(name, _symbol(match), concentration=True, rises=False)
    rest = text[: match.start()] + (match["glued"] or "") + _HERE + text[match.end() :]
    if match["p"]:
        return _with_rest(replace(known, logarithm="p", rises=True), rest)
    if match["inverse"] or re.search(rf"1\s*/\s*{_HERE}", rest):
        rest = re.sub(rf"1\s*/\s*{_HERE}", _HERE, rest)
        if (log := _log_in(rest)) is None:
            return replace(known, problem="one over a concentration")
        return _with_rest(
            replace(known, logarithm="-log10", rises=True),
            rest[: log.start()] + " " + rest[log.end() :],
        )
    if re.search(rf"[A-Za-z]\s*/\s*{_HERE}", rest):
        return replace(known, other="a ratio")
    return _with_logarithm(known, rest)


def _with_logarithm(known: Quantity, rest: str) -> Quantity:
    """The logarithm that stands somewhere beside a quantity, if one does."""
    log = _log_in(rest)
    if log is None:
        return _with_rest(known, rest)
    known = _with_log(known, log, rest[: log.start()])
    return (
        known if known.problem else _with_rest(known, rest[: log.start()] + " " + rest[log.end() :])
    )


def _with_log(known: Quantity, log: re.Match[str], before: str) -> Quantity:
    """Find which logarithm a match is, given the text before it."""
    if log["minus"] and log["minus"][0] == "-" and re.search(r"[\w\x01]$", before):
        return replace(known, problem="a hyphen that could be a minus before the logarithm")
    kind = re.sub(r"[\s_]", "", log["log"].casefold()).replace("lg", "log").replace("loge", "ln")
    if log["minus"] and kind not in ("log", "log10"):
        return replace(known, problem=f"a negative {kind}")
    kind = "-log10" if log["minus"] else "log10" if kind == "log" else kind
    return replace(known, logarithm=kind, rises=kind == "-log10")


def _with_rest(known: Quantity, rest: str) -> Quantity:
    """Read the dose, unit and statistic around a quantity."""
    glued = _DOSE.match(rest, rest.index(_HERE) + 2)  # "IC50_1_mM": replicate and unit, or a dose?
    rest = _DOSE.sub(" ", rest)
    here = rest.index(_HERE)
    # Before a quantity only the usual spelling is a unit: `NM_001 IC50`, `M1 IC50` are targets.
    units = [
        unit[0]
        for unit in _UNIT.finditer(rest)
        if unit.start() > here or unit[0] not in ("M", "NM", "UM", "nm", "um")
    ]
    rest = _UNIT.sub(" ", rest)
    if re.search(rf"{_HERE}\s*/\s*[A-Za-z]", rest):
        return replace(known, other="a ratio")
    before, after = (_words(part) for part in rest.split(_HERE, 1))
    other = next((_AFTER[word] for word in after if word in _AFTER), "")
    other = other or _STATISTICS.get(before[-1] if before else "", "")
    if other or re.search("[Δ∆]", rest) or before == ["delta"]:
        return replace(known, other=other or "a difference")
    if _PERCENT.search(rest):
        return replace(known, problem="both a concentration and a percentage")
    if any(word.startswith("log") or word in ("ln", "lg", "natural") for word in (*before, *after)):
        return replace(known, problem="a word that could be a logarithm")
    if known.logarithm == "-log10" and not units and _UNIT_LIKE.search(rest):
        return replace(known, problem="a unit that is not known")
    if {"app", "apparent"}.intersection(before[-1:] + after[:1]):
        known = replace(known, symbol=f"apparent {known.symbol}")
    if known.logarithm and not units and glued and glued[0][0].isdigit():
        return replace(known, problem="a number and a unit that could be a dose")
    if before[-1:] == ["p"] or after[:1] == ["p"]:
        return replace(known, problem="a lone p that could mean −log10")
    keys = {Unit.parse(unit).key for unit in units}
    if len(keys) > 1:
        return replace(known, problem=f"the units {' and '.join(units)}")
    return replace(known, unit=units[0] if units else known.unit)


def _without_quantity(known: Quantity, text: str) -> Quantity:
    """A percentage, an effect, or something unknown in a unit that is known."""
    rest = _camels_apart(_DOSE.sub(" ", text))
    percent, word = _PERCENT.search(rest), _RISES.search(rest)
    units = {Unit.parse(unit).key: unit for unit in _UNIT.findall(_DOSE.sub(" ", text))}
    words = _words(_UNIT.sub(" ", rest))
    log = _log_in(text, beside_any=True)
    is_named = bool({"concentration", "constant", "conc"}.intersection(words))
    if percent and (units or is_named):
        return replace(known, problem="both a concentration and a percentage")
    if percent or (word and not units and not is_named):
        return _effect(known, rest, words, problem="the logarithm of an effect" if log else "")
    if log:
        known = _with_log(known, log, text[: log.start()])
    elif re.search(r"(?<![A-Za-z0-9])p(?=[A-Z]{2})", text):
        known = replace(known, logarithm="p")
    if word and is_named and not units:
        return replace(known, concentration=True, rises=known.is_pxc50)
    if len(units) != 1 or known.problem:
        return known
    if word and not is_named:
        return replace(known, problem="an effect in a unit of concentration")
    other = "" if word else next((_NO_QUANTITY[one] for one in words if one in _NO_QUANTITY), "")
    unit = next(iter(units.values()))
    return replace(known, unit=unit, concentration=True, rises=known.is_pxc50, other=other)


def _effect(known: Quantity, rest: str, words: list[str], problem: str) -> Quantity:
    """A percentage, or an effect in no unit that is known."""
    word = _RISES.search(rest)
    rises = word is not None and not _TURNS.search(rest)
    return replace(
        known,
        symbol=_EFFECTS[word[0].casefold()] if word and rises else "",
        unit=PERCENT if _PERCENT.search(rest) else "",
        rises=True if rises else None,
        other=next((_STATISTICS[one] for one in words if one in _STATISTICS), ""),
        problem=problem,
    )


def _words(text: str) -> list[str]:
    return [word.casefold() for word in re.findall(r"[A-Za-z]+\d*", _camels_apart(text))]


def _log_in(rest: str, *, beside_any: bool = False) -> re.Match[str] | None:
    """The logarithm in the words around a quantity; `ln` and `lg` only beside it or a unit."""
    for log in _LOG.finditer(rest):
        if log["log"].casefold() in ("ln", "lg"):
            after = rest[log.end() :].lstrip(" _.([-")
            beside = after[:1].isalpha() if beside_any else after[:1] in ("", _HERE)
            if not (beside or _UNIT.match(after)):
                continue
        return log
    return None


def _symbol(match: re.Match[str]) -> str:
    """One spelling of the quantity: IC50, Ki, MIC, potency."""
    text = re.sub(r"[\s_.\-]", "", match["half"] or match["k"] or match["mic"] or "")
    if match["k"]:
        return text[0].upper() + text[1].lower()
    return text.upper() or "potency"


def _camels_apart(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ")

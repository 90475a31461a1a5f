"""Numbers as cells."""

from __future__ import annotations

from tests.generators.choices import Combination

# Notations after which a row may be left out, with a reason, instead of being read.
PLAIN_NOTATIONS = ("general", "exponent", "E", "fixed", "padded", "plus")


def number(c: Combination, value: float) -> tuple[str, tuple[float, float]]:
    """A number as text, and the range of numbers that the text stands for."""
    notation = c["notation"]
    text = _digits(notation, value + 0.0)  # no negative zero
    written = float(text)
    ends = (written, written)
    if notation.endswith("range"):
        between = {"range": "-", "en dash range": "–", "to range": " to "}[notation]
        low, high = sorted((written, round(written * 1.5, 6)))
        ends = (low, high)
        text = between.join(_marked(c, f"{end:.6g}") for end in ends)
    else:
        text = _marked(c, text)
    error = _marked(c, f"{abs(value) / 8:.2g}")
    wrapped = {
        "padded": f" {text} ",
        "±": f"{text} ± {error}",
        "+/-": f"{text} +/- {error}",
        "(n=3)": f"{text} (n=3)",
        "(sd)": f"{text} ({error})",
        "sd in ;": f"{text}; {error}",
        "plus": text if text.startswith("-") else f"+{text}",
        "nbsp": f"\xa0{text}\xa0",
        "star": f"{text}*",
        "approx": f"ca. {text}",
        "trailing point": text if "." in text or "e" in text else f"{text}.",
    }
    return wrapped.get(notation, text), ends


def _digits(notation: str, value: float) -> str:
    if notation == "exponent":
        return f"{value:.6e}"
    if notation == "E":
        return f"{value:.6E}"
    if notation in ("x10", "×10^"):
        return f"{value:.6e}"
    if notation == "fixed":
        return f"{value:.12f}" if abs(value) < 1e-3 else f"{value:.6f}"
    if notation == "three decimals":
        rounded = f"{value:.3f}"
        return rounded if float(rounded) != 0 else f"{value:.6g}"
    return f"{value:.6g}"


def _marked(c: Combination, text: str) -> str:
    """With the marks of decimals and thousands."""
    notation = c["notation"]
    if c["thousands"] and "e" not in text.lower():
        whole, _, rest = text.lstrip("-").partition(".")
        sign = "-" if text.startswith("-") else ""
        groups = f"{int(whole):,}".replace(",", "\0")
        text = sign + groups + ("." + rest if rest else "")
    text = text.replace(".", c["decimal"]).replace("\0", c["thousands"])
    if notation in ("x10", "×10^") and "e" in text:
        mantissa, _, exponent = text.partition("e")
        text = f"{mantissa}{' x 10' if notation == 'x10' else '×10^'}{int(exponent)}"
    if notation == "no leading zero" and text.lstrip("-").startswith("0" + c["decimal"]):
        text = text.replace("0" + c["decimal"], c["decimal"], 1)
    if notation == "underscore" and len(text) > 4 and text.isdigit():
        text = f"{text[:-3]}_{text[-3:]}"
    return text


def is_plain(c: Combination) -> bool:
    """Whether every reader of tables reads these numbers."""
    marks = c["decimal"] == "." and not c["thousands"]
    return c["notation"] in PLAIN_NOTATIONS and marks

"""Plots as inline SVG, legible at 340 pixels of width.

Series differ in colour (the palette of Okabe and Ito for colour-blind readers, and three more), in
the shape of their marks and in the dashes of their lines, so that no one of these is needed alone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f6a00",
    "#7a3b9c", "#8a8a8a",
)  # fmt: skip
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4")
_N_SHAPES = 7
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 440.0, 52.0, 12.0, 10.0, 42.0
_ROW = 19.0


@dataclass(frozen=True)
class Series:
    """Points under one name.

    >>> Series("rf", x=[16, 64], y=[0.2, 0.3], low=[0.1, 0.2], high=[0.3, 0.4]).line
    True

    Attributes:
        label: The name.
        x: Shape (n,).
        y: Shape (n,); in a dot plot the numbers of rows, from the top.
        low: Lower ends of the intervals, or nothing; NaN for no interval.
        high: Upper ends.
        style: Which colour, shape and dash; the same number looks the same in every plot.
        line: Whether the points are joined.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    style: int = 0
    line: bool = True


def line_plot(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_ticks: Sequence[float],
    log_x: bool = False,
    diagonal: bool = False,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Plot values against a number, with vertical intervals.

    >>> line = Series("rf", x=[16, 64], y=[0.2, 0.3])
    >>> line_plot([line], x_label="support size", y_label="ΔAUPRC", x_ticks=[16, 64])[:4]
    Markup('<svg')

    Args:
        series: One line each.
        x_label: Below the horizontal axis.
        y_label: Above the vertical one.
        x_ticks: Where the horizontal axis has numbers; its range is theirs.
        log_x: Whether the horizontal axis is logarithmic.
        diagonal: Whether y = x is drawn.
        y_range: Of the vertical axis; by default that of the values, and 0.
    """
    low, high = y_range or _span([v for s in series for v in (*s.y, *s.low, *s.high)])
    ticks = _ticks(low, high)
    height = 300.0
    scale = math.log if log_x else float
    x_low, x_high = scale(min(x_ticks)), scale(max(x_ticks))
    margin = 0.06 * (x_high - x_low) if log_x else 0.0
    x_of = _linear((x_low - margin, x_high + margin), (_LEFT, _WIDTH - _RIGHT))
    y_of = _linear((ticks[0], ticks[-1]), (height - _BOTTOM, _TOP + 14))
    marks = [_text(_LEFT, _TOP + 2, y_label, "start", soft=True)]
    for tick in ticks:
        marks += [
            _line(_LEFT, y_of(tick), _WIDTH - _RIGHT, y_of(tick), "grid"),
            _text(_LEFT - 6, y_of(tick) + 4, _number(tick), "end"),
        ]
    for tick in x_ticks:
        marks.append(_text(x_of(scale(tick)), height - _BOTTOM + 17, _number(tick), "middle"))
    marks.append(_line(_LEFT, height - _BOTTOM, _WIDTH - _RIGHT, height - _BOTTOM, "axis"))
    marks.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, height - 6, x_label, "middle", soft=True))
    if diagonal:
        ends = max(x_ticks[0], ticks[0]), min(x_ticks[-1], ticks[-1])
        marks.append(_line(x_of(ends[0]), y_of(ends[0]), x_of(ends[1]), y_of(ends[1]), "grid"))
    for number, one in enumerate(series):
        # Side by side, so that intervals at the same place do not hide each other.
        shift = (number - (len(series) - 1) / 2) * min(3.0, 24 / max(1, len(series)))
        points = [
            (x_of(scale(x)) + (shift if one.low else 0.0), y_of(y))
            for x, y in zip(one.x, one.y, strict=True)
            if math.isfinite(y)
        ]
        for x, bottom, top in zip(one.x, one.low, one.high, strict=False):
            if math.isfinite(bottom + top):
                at = x_of(scale(x)) + shift
                marks.append(_interval(at, y_of(bottom), at, y_of(top), one.style))
        marks += _joined(points, one)
    return _svg(height, f"{y_label} by {x_label}", marks)


def scatter_plot(x: Sequence[float], y: Sequence[float], *, x_label: str, y_label: str) -> Markup:
    """Plot pairs of numbers of one kind on axes of one range, with the diagonal.

    >>> scatter_plot([5.0, 6.0], [5.5, 5.8], x_label="measured", y_label="predicted")[:4]
    Markup('<svg')
    """
    ticks = _ticks(*_span([*x, *y], zero=False))
    return line_plot(
        [Series("", x, y, line=False)],
        x_label=x_label,
        y_label=y_label,
        x_ticks=ticks,
        diagonal=True,
        y_range=(ticks[0], ticks[-1]),
    )


def dot_plot(
    rows: Sequence[str], series: Sequence[Series], *, x_label: str, zero: bool = True
) -> Markup:
    """Plot values of named rows, one below the other, with horizontal intervals.

    >>> dot_plot(["rf", "knn"], [Series("ΔAUPRC", x=[0.2, 0.1], y=[0, 1])], x_label="ΔAUPRC")[:4]
    Markup('<svg')

    Args:
        rows: Their names, from the top.
        series: Their `y` are numbers of rows.
        x_label: Below the horizontal axis.
        zero: Whether the axis reaches zero, which is then marked.
    """
    low, high = _span([v for s in series for v in (*s.x, *s.low, *s.high)], zero=zero)
    ticks = _ticks(low, high, 5)
    left = 8 + 8.2 * max((len(_short(name)) for name in rows), default=0)
    height = _TOP + _ROW * len(rows) + _BOTTOM
    x_of = _linear((ticks[0], ticks[-1]), (left + 6, _WIDTH - 18))
    bottom = height - _BOTTOM
    marks = []
    for tick in ticks:
        kind = "axis" if zero and tick == 0 else "grid"
        marks.append(_line(x_of(tick), _TOP, x_of(tick), bottom, kind))
        marks.append(_text(x_of(tick), bottom + 17, _number(tick), "middle"))
    # A long label is centred on the whole plot, where it fits.
    middle = (left + _WIDTH) / 2 if 7.5 * len(x_label) < _WIDTH - left else _WIDTH / 2
    marks.append(_text(middle, height - 6, x_label, "middle", soft=True))
    for number, name in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        marks.append(_text(left, middle + 4, _short(name), "end"))
    for number, one in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * min(4.0, 12 / max(1, len(series)))
        places = [_TOP + _ROW * (y + 0.5) + shift for y in one.y]
        for y, begin, end in zip(places, one.low, one.high, strict=False):
            if math.isfinite(begin + end):
                marks.append(_interval(x_of(begin), y, x_of(end), y, one.style))
        marks += [
            _mark(x_of(x), y, one.style)
            for x, y in zip(one.x, places, strict=True)
            if math.isfinite(x)
        ]
    return _svg(height, x_label, marks)


def legend(series: Iterable[Series]) -> Markup:
    """Draw the legend of colours, shapes and dashes.

    >>> legend([Series("rf", x=[], y=[])])[:21]
    Markup('<div class="legend"><')
    """
    entries = [
        Markup('<span><svg viewBox="0 0 30 14" aria-hidden="true">{}</svg>{}</span>').format(
            Markup("").join(_joined([(2, 7), (28, 7)] if one.line else [], one, marks=False))
            + _mark(15, 7, one.style),
            one.label,
        )
        for one in series
    ]
    return Markup('<div class="legend">{}</div>').format(Markup("").join(entries))


def _svg(height: float, label: str, marks: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {:g} {:g}">{}</svg>'
    ).format(label, _WIDTH, height, Markup("").join(marks))


def _joined(
    points: Sequence[tuple[float, float]], series: Series, *, marks: bool = True
) -> list[Markup]:
    drawn = []
    if series.line and len(points) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(
            Markup(
                '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.8" '
                'stroke-dasharray="{}"/>'
            ).format(path, _colour(series.style), _DASHES[series.style % len(_DASHES)])
        )
    return drawn + [_mark(x, y, series.style) for x, y in points if marks]


def _mark(x: float, y: float, style: int) -> Markup:
    """Draw one of seven shapes, about 8 pixels wide, at a place."""
    shape, colour = style % _N_SHAPES, _colour(style)
    if shape == 0:
        return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="{}"/>').format(x, y, colour)
    if shape in (4, 5):
        arms = "M-4 0H4M0 -4V4" if shape == 4 else "M-3.4 -3.4L3.4 3.4M-3.4 3.4L3.4 -3.4"
        return Markup(
            '<path transform="translate({:.1f} {:.1f})" d="{}" stroke="{}" stroke-width="2.2"/>'
        ).format(x, y, arms, colour)
    outline = {
        1: "M-3.5 -3.5H3.5V3.5H-3.5Z",
        2: "M0 -4.6L4.4 3.4H-4.4Z",
        3: "M0 -5L5 0L0 5L-5 0Z",
        6: "M0 4.6L4.4 -3.4H-4.4Z",
    }[shape]
    return Markup('<path transform="translate({:.1f} {:.1f})" d="{}" fill="{}"/>').format(
        x, y, outline, colour
    )


def _interval(x1: float, y1: float, x2: float, y2: float, style: int) -> Markup:
    return Markup(
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-opacity=".55"/>'
    ).format(x1, y1, x2, y2, _colour(style))


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, y1, x2, y2
    )


def _text(x: float, y: float, text: str, anchor: str, *, soft: bool = False) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(
        x, y, anchor, Markup(' class="soft"') if soft else "", text
    )


def _colour(style: int) -> str:
    return _COLOURS[style % len(_COLOURS)]


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")


def _linear(source: tuple[float, float], target: tuple[float, float]) -> Callable[[float], float]:
    """Make the straight line that maps one range to the other."""
    slope = (target[1] - target[0]) / ((source[1] - source[0]) or 1.0)
    return lambda value: target[0] + (value - source[0]) * slope


def _span(values: Iterable[float], *, zero: bool = True) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)] + [0.0] * zero
    low, high = min(known, default=0.0), max(known, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _ticks(low: float, high: float, n: int = 6) -> list[float]:
    """Choose round numbers, about n at most, that reach from below `low` to above `high`."""
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]

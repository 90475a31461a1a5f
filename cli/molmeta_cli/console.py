"""Messages and progress, on standard error so that `-o -` can pipe."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence


def say(message: str) -> None:
    """Print a message for the user."""
    print(message, file=sys.stderr, flush=True)


def show_table(names: Sequence[str], rows: Sequence[Sequence[str]], cut: str) -> None:
    """Print a table of text; the column `cut` is shortened so that its rows fit the terminal."""
    shown = [["".join(c if c.isprintable() else "?" for c in cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
    at = names.index(cut)
    others = sum(widths) - widths[at] + 2 * (len(names) - 1)
    widths[at] = min(widths[at], max(10, shutil.get_terminal_size().columns - others))
    for row in [names, *shown]:
        cells = (
            cell if len(cell) <= width else f"{cell[: width - 1]}…"
            for cell, width in zip(row, widths, strict=True)
        )
        say("  ".join(map(str.ljust, cells, widths)).rstrip())


def counter(what: str, every: float = 2.0) -> Callable[[int], None]:
    """A progress callback, told of each few more that are done, that shows the sum and the rate."""
    started = last = time.monotonic()
    n_done = 0

    def show(n_more: int) -> None:
        nonlocal last, n_done
        n_done += n_more
        now = time.monotonic()
        if now - last >= every:
            last = now
            say(f"  {n_done:,} {what}, {n_done / (now - started):,.0f}/s")

    return show


def fraction(what: str, every: float = 5.0) -> Callable[[int, int], None]:
    """A progress callback that shows how many of all are done, every few seconds."""
    started = last = time.monotonic()

    def show(n_done: int, n_all: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every or n_done == n_all:
            last = now
            left = (now - started) * (n_all - n_done) / max(n_done, 1)
            say(f"  {n_done}/{n_all} {what}, {left / 60:.1f} min left")

    return show

"""A run's `metrics.csv`, a row at a time."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from molmeta.resources import write_atomically, writing

METRICS = "metrics.csv"


@dataclass(frozen=True, slots=True)
class Progress:
    """A row of the run's `metrics.csv`, and what a progress display shows.

    Attributes:
        step: Steps done.
        loss: Mean outer loss an episode since the last row.
        gradient_norm: Of the last step, before clipping.
        lr: Outer learning rate of the last step.
        episodes_per_second: Since the last row, all processes together.
        seconds: Of training so far, over all resumptions.
        valid_delta_auprc: Of the averaged weights; NaN between validations.
        best: The best validation score so far; NaN before the first.
        skipped: Steps skipped so far for a loss or gradient that was not finite.
    """

    step: int
    loss: float
    gradient_norm: float
    lr: float
    episodes_per_second: float
    seconds: float
    valid_delta_auprc: float
    best: float
    skipped: int


def append(file: Path, row: Progress) -> None:
    """Add a row, below a header if it is the first."""
    new = not file.exists()
    with writing(file), file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(field.name for field in fields(Progress))
        writer.writerow("" if value != value else value for value in asdict(row).values())


def truncate(file: Path, step: int) -> None:
    """Drop the rows after `step` and a half-written one, which the resumed run writes again."""
    if not file.exists():
        return
    with file.open(newline="", encoding="utf-8", errors="replace") as stream:
        lines = stream.read().replace("\0", "").splitlines()
    header = [field.name for field in fields(Progress)]
    rows = [row for row in csv.reader(lines) if len(row) == len(header) and row[0].isdigit()]
    kept = [row for row in rows if int(row[0]) <= step]
    with write_atomically(file) as temporary, temporary.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *kept])

"""Calibration: what assays that a model was not trained on say of it.

Fitted are a temperature for each size of support set (the mean log loss of an assay's other
molecules is least), a linear expectation of ΔAUPRC from numbers about the support set, and how
often similarity search is better where it is so on left-out support molecules.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit
from sklearn.linear_model import LinearRegression

from molmeta import metrics
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.predict.indicators import indicators
from molmeta.runs.calibration import Calibration, Line
from molmeta.runs.model import Model, load_model
from molmeta.runs.settings import Calibrating
from molmeta.training.held_out_draws import ScoredDraw, score_draws
from molmeta.training.job import Job
from molmeta.training.parallel import Workers

NUMBERS = ("left_out_auc", "information", "confidence", "training")
"""The numbers about a support set from which ΔAUPRC is expected; see `Indicators`."""

_FEWEST_SETS = 3


def calibrate_run(job: Job) -> None:
    """Calibrate the run's model on its validation assays, if the recipe asks for it.

    If these took part in choosing the model, its calibration is a little too good.

    Raises:
        InputError: If there are no validation assays, or they are too few.
    """
    settings = job.recipe.calibration
    if settings is None or not Workers.join(job.learner.device).leads:
        return
    if job.validation.store is None:
        raise InputError.of("calibration", got="no validation assays", expected="some")
    model = load_model(job.run, job.learner.device)
    calibrate(model, job.validation.store, settings)[0].save(job.run)


def calibrate(
    model: Model, store: AssayStore, settings: Calibrating | None = None
) -> tuple[Calibration, pd.DataFrame]:
    """Calibrate a model on assays that it was not trained on.

    >>> from molmeta import AssayStore, load_model
    >>> from molmeta.assays import drug_mechanisms
    >>> few = Calibrating(draws=1, support_sizes=(8,))
    >>> assays = AssayStore.from_frame(drug_mechanisms("test"))
    >>> calibration, judged = calibrate(load_model("default"), assays, few)
    >>> list(calibration.temperatures), len(judged)
    ([8], 7)

    Args:
        model: The model; `Calibration.save` keeps its calibration in its folder.
        store: The assays.
        settings: Which draws are made; the defaults if not given.

    Returns:
        The calibration, and a row a draw of what it is worth, measured across molecule sets: each
        set's draws are judged by what was fitted on the assays of the others.

    Raises:
        InputError: If the model scores values, or too few of the assays can be drawn from.
    """
    settings = settings or Calibrating()
    if model.learner.continuous:
        raise InputError.of(
            "calibration", got="a model of measured values", expected="one of classes"
        )
    store.check_form(model.standardize, f"model {model.path}")
    draws = list(score_draws(model, store, settings.support_sizes, settings.draws))
    draws = _of_usable_sizes(draws, settings.support_sizes)
    judged = judge_across_sets(draws)
    line = _fit_line(judged)
    errors = (judged["delta_auprc"] - judged["expected"]).quantile(
        [(1 - settings.level) / 2, (1 + settings.level) / 2]
    )
    share = judged.groupby("hinted")["loses"].mean()
    calibration = Calibration(
        fitted_on=f"{store.path.name}: {judged['assay'].nunique()} assays, "
        f"{judged['molecules'].nunique()} molecule sets, {len(judged)} draws",
        temperatures=_fit_temperatures(draws),
        delta_auprc=Line(
            intercept=round(float(line.intercept_), 4),
            weights={k: round(float(v), 4) for k, v in zip(NUMBERS, line.coef_, strict=True)},
            low=round(float(errors.iloc[0]), 4),
            high=round(float(errors.iloc[1]), 4),
            level=settings.level,
        ),
        loses={
            "hinted": round(float(share.get(True, 0.5)), 3),
            "otherwise": round(float(share.get(False, 0.5)), 3),
        },
    )
    return calibration, judged


def _of_usable_sizes(draws: list[ScoredDraw], sizes: Sequence[int]) -> list[ScoredDraw]:
    """Leave out the sizes at which too few sets of molecules can be drawn from."""
    n_sets = {size: len({one.molecules for one in draws if one.size == size}) for size in sizes}
    usable = {size for size, number in n_sets.items() if number >= _FEWEST_SETS}
    if not usable:
        raise InputError.of(
            f"calibration at support sizes {', '.join(map(str, sizes))}",
            got=f"assays of {max(n_sets.values())} sets of molecules that can be drawn from",
            expected=f"{_FEWEST_SETS} or more",
            fix="Give more assays, or set calibration.support_sizes lower.",
        )
    return [one for one in draws if one.size in usable]


def judge_across_sets(draws: list[ScoredDraw]) -> pd.DataFrame:
    """Judge each molecule set's draws by what is fitted on the assays of the others."""
    parts = []
    for own in sorted({one.molecules for one in draws}):
        temperatures = _fit_temperatures([one for one in draws if one.molecules != own])
        parts.append(_measure([one for one in draws if one.molecules == own], temperatures))
    table = pd.concat(parts, ignore_index=True)
    for number, part in table.groupby("molecules"):
        line = _fit_line(table[table["molecules"] != number])
        table.loc[part.index, "expected"] = line.predict(part[list(NUMBERS)].to_numpy())
    return table


def _measure(draws: list[ScoredDraw], temperatures: dict[int, float]) -> pd.DataFrame:
    """Measure each draw: its numbers, its truth, its probabilities raw and calibrated."""
    rows = []
    for one in draws:
        heat = temperatures[one.size]
        row: dict[str, object] = {
            "assay": one.assay, "molecules": one.molecules, "size": one.size,
        }  # fmt: skip
        for when, scores in (("raw", one.scores), ("calibrated", one.calibrated(heat, one.scores))):
            row |= {
                f"log loss, {when}": _log_loss(one.labels, scores),
                f"Brier, {when}": metrics.brier(one.labels, expit(scores)),
                f"ECE, {when}": metrics.calibration_error(one.labels, expit(scores)),
            }
        numbers = indicators(one.known, one.calibrated(heat, one.left_out))
        delta = metrics.delta_auprc(one.labels, one.scores)
        row |= asdict(numbers) | {"hinted": numbers.similarity_is_better}
        rows.append(row | {"delta_auprc": delta, "loses": delta < one.similarity})
    return pd.DataFrame(rows)


def _fit_temperatures(draws: list[ScoredDraw]) -> dict[int, float]:
    """Fit the temperature of each size to the log loss, each draw weighing the same."""
    found = {}
    for size in sorted({one.size for one in draws}):
        own = [one for one in draws if one.size == size]

        def loss(log_temperature: float, own: list[ScoredDraw] = own) -> float:
            heat = float(np.exp(log_temperature))
            losses = [_log_loss(one.labels, one.calibrated(heat, one.scores)) for one in own]
            return float(np.mean(losses))

        best = minimize_scalar(loss, bounds=(-2, 2), method="bounded").x
        found[size] = round(float(np.exp(best)), 4)
    return found


def _fit_line(table: pd.DataFrame) -> LinearRegression:
    return LinearRegression().fit(table[list(NUMBERS)].to_numpy(), table["delta_auprc"])


def _log_loss(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> float:
    return -float(np.where(labels > 0.5, log_expit(scores), log_expit(-scores)).mean())

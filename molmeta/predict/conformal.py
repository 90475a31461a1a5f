"""Class-conditional conformal sets: which classes a molecule may have, at an error rate.

Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", section 4.5 (label-
conditional, or Mondrian, prediction); calibrated on left-out scores as in Vovk 2015, "Cross-
conformal predictors", https://doi.org/10.1007/s10472-013-9368-4, whose coverage is not exact.
"""

import math

import numpy as np
from numpy.typing import NDArray

from molmeta.errors import InputError

Floats = NDArray[np.float64]


def p_values(known: Floats, labels: NDArray[np.floating], scores: Floats) -> Floats:
    """Compute how usual each score is in each class: (q, 2), the inactive class first.

    p = (1 + the number of the class's known scores that are at least as odd) / (1 + their number);
    of actives low scores are odd, of inactives high ones.

    Args:
        known: Scores of molecules that the model had not seen, shape (n,); NaN where there is none.
        labels: Theirs, 1 active, 0 inactive, shape (n,).
        scores: Shape (q,); a NaN gets NaN.
    """
    usable = ~np.isnan(known)
    parts = []
    for label, sign in ((0, -1.0), (1, 1.0)):
        own = np.sort(sign * known[usable & (labels == label)])
        odder = np.searchsorted(own, sign * scores, side="right")
        parts.append(np.where(np.isnan(scores), np.nan, (1 + odder) / (1 + len(own))))
    return np.column_stack(parts)


def check_error_rate(error: float, known: Floats, labels: NDArray[np.floating]) -> None:
    """Refuse an error rate that the known molecules cannot bear.

    Raises:
        InputError: If it is none between 0 and 1, or a class is so small that no molecule could
            ever be excluded from it: n molecules give no p-value below 1 / (n + 1).
    """
    if not 0 < error < 1:
        raise InputError.of("error rate", got=f"{error:g}", expected="a number between 0 and 1")
    n_known = [int((~np.isnan(known) & (labels == label)).sum()) for label in (0, 1)]
    least = 1 / (min(n_known) + 1)
    if least > error + 1e-12:
        raise InputError.of(
            f"error rate {error:g}",
            got=f"{n_known[1]} active and {n_known[0]} inactive molecules to judge by, which "
            f"cannot give less than 1/{min(n_known) + 1} = {least:.3g}",
            expected=f"at least {math.ceil(1 / error - 1 - 1e-9)} of each class",
            fix="Measure more molecules, or ask for a higher error rate.",
        )

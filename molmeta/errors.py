"""The errors molmeta raises on purpose; anything else that escapes is a bug."""

import difflib
from collections.abc import Collection, Iterable
from typing import Self


class MolmetaError(Exception):
    """Base of every error that molmeta raises on purpose."""


class InputError(MolmetaError, ValueError):
    """Wrong use or bad input: a file, an option or a value that cannot be used.

    The program prints the message and exits with code 2. It is a ValueError too, as scikit-learn
    expects of its estimators.

    Attributes:
        parts: What it was built of by `of`, for programs: `what`, `got`, `expected` and `fix`.
    """

    parts: dict[str, str | None]

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.parts = {}

    @classmethod
    def of(
        cls, what: str, *, got: object = None, expected: object = None, fix: str | None = None
    ) -> Self:
        """Build the one-line message: what is wrong, what was got, what was expected, what to do.

        Args:
            what: The thing that is wrong, naming the file, column or option.
            got: What was found.
            expected: What would have been right.
            fix: What the user can do about it.
        """
        parts = [what]
        if got is not None:
            parts.append(f"got {got}")
        if expected is not None:
            parts.append(f"expected {expected}")
        message = "; ".join(parts)
        error = cls(f"{message}. {fix}" if fix else f"{message}.")
        error.parts = {
            "what": what,
            "got": None if got is None else str(got),
            "expected": None if expected is None else str(expected),
            "fix": fix,
        }
        return error


def did_you_mean(got: str, known: Iterable[str]) -> str | None:
    """Advise the nearest of the known names; None where none is near.

    >>> did_you_mean("smile", ["label", "smiles"])
    "Did you mean 'smiles'?"
    """
    near = difflib.get_close_matches(got, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else None


def check_choice(option: str, given: str | None, known: Collection[str]) -> None:
    """Refuse what is given for an option and not known; None is no choice.

    >>> check_choice("--direction", "up", ("higher", "lower"))
    Traceback (most recent call last):
    ...
    molmeta.errors.InputError: --direction; got 'up'; expected higher or lower.

    Raises:
        InputError: If it is not known.
    """
    if given is not None and given not in known:
        raise InputError.of(option, got=repr(given), expected=" or ".join(known))


class RejectedWarning(UserWarning):
    """Some molecules do not parse: they are left out of a fit, or their rows are NaN."""


class Interrupted(MolmetaError):
    """Long work was stopped on request after its state was saved; it can be resumed."""

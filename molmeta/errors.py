"""The errors molmeta raises on purpose; anything else that escapes is a bug."""

from __future__ import annotations


class MolmetaError(Exception):
    """Base of every error that molmeta raises on purpose."""


class InputError(MolmetaError, ValueError):
    """Wrong use or bad input: a file, an option or a value that cannot be used.

    The program prints the message and exits with code 2. It is a ValueError too, as scikit-learn
    expects of its estimators.
    """

    @classmethod
    def of(
        cls, what: str, *, got: object = None, expected: object = None, fix: str | None = None
    ) -> InputError:
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
        return cls(f"{message}. {fix}" if fix else f"{message}.")


class RejectedWarning(UserWarning):
    """Some molecules do not parse: they are left out of a fit, or their rows are NaN."""


class Interrupted(MolmetaError):
    """Long work was stopped on request after its state was saved; it can be resumed."""

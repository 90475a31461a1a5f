"""The share of an encoder's width that each attention head or tower gets."""

from molmeta.errors import InputError


def share_of_width(dim: int, parts: int, name: str) -> int:
    """Compute the width of each of `parts` heads or towers that share `dim`.

    Args:
        dim: The whole width.
        parts: How many share it.
        name: Of the encoder's argument, for the message.

    Raises:
        InputError: If `parts` does not divide `dim`.
    """
    if dim % parts:
        raise InputError.of(
            f"encoder.{name}", got=f"{parts} for a width of {dim}", expected="a divisor of `dim`"
        )
    return dim // parts

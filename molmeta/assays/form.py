"""The check that a store's molecules are in the standard form that a model needs."""

from molmeta.assays.store import AssayStore
from molmeta.chem.standardize import Standardizer, describe
from molmeta.errors import InputError


def check_form(store: AssayStore, expected: Standardizer | None, who: str) -> None:
    """Refuse a store whose molecules are in another form: its graphs would mislead.

    Args:
        store: The assays to use.
        expected: The form needed.
        who: The user of the form, e.g. "model runs/first".

    Raises:
        InputError: If the forms differ.
    """
    if store.standardize != expected:
        raise InputError.of(
            f"store {store.path}",
            got=describe(store.standardize),
            expected=f"{describe(expected)}, as {who} has them",
            fix="Featurize the source files again with the flags named last.",
        )

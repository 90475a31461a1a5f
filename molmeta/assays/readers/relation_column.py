"""The relation column of a value column: which of them it is, and whose relations it holds."""

from collections.abc import Sequence

from molmeta.assays.columns import RELATION_NAMES, listed
from molmeta.assays.measurement import as_text
from molmeta.assays.quantity import RELATION, Quantity, parse_quantity
from molmeta.assays.readers.reading import Glance
from molmeta.assays.relations import looks_like_relations, may_censor
from molmeta.errors import InputError


def relation_columns(glance: Glance) -> list[str]:
    """The columns that hold relations, by name or by what is in them."""
    wanted = glance.find(glance.columns.relation_column, flag="--relation-column")
    if wanted is not None:
        return [wanted]
    known = {name.casefold() for name in RELATION_NAMES}
    return [
        name
        for name in glance.names
        if name.strip().casefold() in known
        or parse_quantity(name).other == RELATION
        or looks_like_relations(as_text(glance.rows[name]))
    ]


def relation_of(
    name: str, candidates: dict[str, Quantity], relations: list[str], glance: Glance
) -> tuple[str | None, bool]:
    """The relation column of a value column, and whether it is to be turned round.

    Args:
        name: The value column.
        candidates: The columns that could hold values.
        relations: Those of relations.
        glance: At the table.

    Raises:
        InputError: If it is not clear which relation is whose.
    """
    if glance.columns.relation_column and relations:
        return relations[0], False
    where = str(glance.table.path)
    relations = [other for other in relations if other != name]
    others = {one: q for one, q in candidates.items() if one != name}
    if not relations:
        return None, False
    own, of_twins = [], []
    for relation in relations:
        owners = _owners(relation, name, glance.names, others)
        if owners == {name}:
            own.append(relation)
        elif name in owners and _opposed(name, owners - {name}):
            raise _which_relation(name, relation, owners, where)
        elif name in owners:
            own.append(relation)
        elif any(parse_quantity(o).symbol == parse_quantity(name).symbol for o in owners):
            of_twins.append((relation, _opposed(name, owners)))
        elif not parse_quantity(relation).symbol and may_censor(as_text(glance.rows[relation])):
            raise _which_relation(name, relation, {name, *owners}, where)
    if len(own) == 1:
        return own[0], False
    if not own and len(of_twins) == 1:
        return of_twins[0]
    if not own and not of_twins:
        return None, False
    raise InputError.of(
        f"relations of {where}",
        got=f"several columns of them: {listed(relations)}",
        expected=f"one for {name!r}",
        fix="Name it with --relation-column.",
    )


def _owners(
    relation: str, name: str, names: Sequence[str], others: dict[str, Quantity]
) -> set[str]:
    """The value columns that a relation can belong to: by its name, else those beside it."""
    if not others:
        return {name}
    said = parse_quantity(relation)
    values = [name, *others]
    if said.symbol:
        named = {one for one in values if _same(parse_quantity(one), said)}
        if named:
            return named
    at = names.index(relation)
    beside = {one for one in values if abs(names.index(one) - at) == 1}
    return beside or set(values)


def _same(one: Quantity, other: Quantity) -> bool:
    return one.symbol == other.symbol and one.logarithm == other.logarithm


def _opposed(name: str, others: set[str]) -> bool:
    """Tell whether another of the columns falls where this one rises."""
    return any(parse_quantity(other).rises != parse_quantity(name).rises for other in others)


def _which_relation(name: str, relation: str, owners: set[str], where: str) -> InputError:
    return InputError.of(
        f"relations in {relation!r} of {where}",
        got=f"a place where they could be those of {listed(sorted(owners))}",
        expected=f"to know whether they are those of {name!r}",
        fix="Name both with --value-column and --relation-column.",
    )

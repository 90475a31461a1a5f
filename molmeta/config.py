"""Recipes: YAML that names a part and gives only what differs from its defaults.

The defaults themselves live once, in the typed keyword arguments of the parts' constructors;
`resolve` checks a mapping against such a signature and fills in the rest.
"""

import importlib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import ConfigDict, Field, ValidationError, create_model

from molmeta.errors import InputError, did_you_mean
from molmeta.resources import share_path

Count = Annotated[int, Field(ge=1)]
"""At least one of something."""

CountOrNone = Annotated[int, Field(ge=0)]
"""A number of something, or 0 for none."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]

Part = TypeVar("Part", bound=Callable[..., Any])
Sections = dict[str, Any]


_PASSED_ON: dict[Callable[..., Any], Callable[[Sections], Callable[..., Any]]] = {}


def passes_on(choose: Callable[[Sections], Callable[..., Any]]) -> Callable[[Part], Part]:
    """Decorate a factory whose `**settings` are the keyword arguments of another part.

    Args:
        choose: Says of which part, from what a recipe gives the factory.
    """

    def add(part: Part) -> Part:
        _PASSED_ON[part] = choose
        return part

    return add


class Registry:
    """Named parts of one kind (encoders, heads); each registers itself in its own file.

    A name with a colon, `package.module:Class`, is a user's own part and is imported.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[Part], Part]:
        """Decorate a class or factory so that recipes can name it."""

        def add(part: Part) -> Part:
            self._parts[name] = part
            return part

        return add

    def names(self) -> list[str]:
        """List the registered names, sorted."""
        return sorted(self._parts)

    def find(self, name: str) -> Callable[..., Any]:
        """Find the part of that name.

        Raises:
            InputError: If there is none, or a user's own part cannot be imported.
        """
        if ":" in name:
            return self._import(name)
        if name not in self._parts:
            raise unknown(f"{self.kind} in the recipe", name, self.names())
        return self._parts[name]

    def _import(self, name: str) -> Callable[..., Any]:
        module, _, attribute = name.partition(":")
        try:
            part: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            raise InputError.of(
                f"{self.kind} {name!r} cannot be imported ({error})",
                expected="package.module:Class, importable from where molmeta runs",
                fix="Install the package, or put its folder on PYTHONPATH.",
            ) from error
        if not inspect.isclass(part):
            raise InputError.of(f"{self.kind} {name!r}", got=repr(part), expected="a class")
        return part


def unknown(what: str, got: str, known: Iterable[str]) -> InputError:
    """Make the error for a name that does not exist, with the nearest one that does."""
    known = sorted(known)
    return InputError.of(
        f"unknown {what}",
        got=repr(got),
        expected=f"one of {', '.join(known)}",
        fix=did_you_mean(got, known),
    )


def resolve(factory: Callable[..., Any], given: Mapping[str, Any], where: str) -> Sections:
    """Check `given` against the keyword arguments of `factory` and fill in its defaults.

    Args:
        factory: A class or function with annotated keyword arguments.
        given: Values by argument name; strings are converted to the annotated type.
        where: The recipe's section, for messages.

    Returns:
        Every keyword argument that has a default, and those given, by name.

    Raises:
        InputError: An unknown argument (with the nearest name) or a value of another type.
    """
    fields = _recipe_fields(factory)
    if factory in _PASSED_ON:
        fields = {**_recipe_fields(_PASSED_ON[factory](dict(given))), **fields}
    for name in given:
        if name not in fields:
            raise unknown(f"key in {where}", str(name), fields)
    model = create_model(
        where, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )
    try:
        return {name: getattr(model(**given), name) for name in fields}
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *map(str, first["loc"])])
        raise InputError.of(
            f"recipe value {place}",
            got=repr(first["input"]),
            expected=first["msg"].removeprefix("Input should be "),
        ) from None


def _recipe_fields(factory: Callable[..., Any]) -> dict[str, Any]:
    """List the arguments of `factory` that a recipe may set: (type, default) by name."""
    target = factory.__init__ if inspect.isclass(factory) else factory
    hints = typing.get_type_hints(target, include_extras=True)
    return {
        name: (hints.get(name, Any), ... if item.default is item.empty else item.default)
        for name, item in inspect.signature(target).parameters.items()
        if item.kind is item.KEYWORD_ONLY or (item.default is not item.empty and name != "self")
    }


def read_recipe(name_or_file: str | Path) -> Sections:
    """Read a recipe from a YAML file, or one of molmeta's own by its name.

    >>> read_recipe("matching")["inner"]
    {'steps': 0}

    Raises:
        InputError: If there is no such recipe or it is not a YAML mapping.
    """
    file = Path(name_or_file)
    own = share_path("configs")
    if not file.suffix:
        names = [path.stem for path in own.glob("*.yaml")]
        if file.name not in names or len(file.parts) > 1:
            raise unknown("recipe", str(name_or_file), names)
        file = own / f"{file.name}.yaml"
    try:
        recipe = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError.of(f"recipe {file} cannot be read ({error})") from None
    if not isinstance(recipe, dict):
        raise InputError.of(
            f"recipe {file}", got=type(recipe).__name__, expected="a YAML mapping of sections"
        )
    return recipe


def override(recipe: Sections, settings: Iterable[str]) -> Sections:
    """Copy `recipe` with `section.key=value` settings applied, values read as YAML.

    Raises:
        InputError: If a setting is not of that form.
    """
    result = {
        key: dict(value) if isinstance(value, dict) else value for key, value in recipe.items()
    }
    for setting in settings:
        path, equals, text = setting.partition("=")
        section, dot, key = path.strip().partition(".")
        if not (equals and section and (key or not dot)):
            raise InputError.of(
                "option --set", got=repr(setting), expected="section.key=value or section=value"
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError.of(f"option --set {path}", got=repr(text), expected="YAML") from None
        if dot:
            target = result.get(section) or {}
            if not isinstance(target, dict):
                target = {"name": target}
            result[section] = {**target, key: value}
        else:
            result[section] = value
    return result

"""From a method's name, a recipe and overrides to the one recipe that says everything of a run.

Imports no torch.
"""

import dataclasses
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from verilens import catalog, config
from verilens.errors import ConfigError
from verilens.train.recipe import Recipe

DEFAULT = "default"  # the recipe that is taken when none is named and the method has it


def resolve(method: str, recipe: str | None = None, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe of a run, the method's whole configuration filled in.

    recipe: a name in the method's folder or a .toml file. overrides: "plan.epochs=2" and so on.
    UnknownName, ConfigError.
    """
    path = _found(method, recipe)
    where = str(path) if path else "--set"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    built = config.build(Recipe, config.override(values, overrides), where)
    if built.method not in ("", method):
        raise ConfigError(f"{where}: a recipe of {built.method}, not of {method}")
    settings = catalog.settings(method, built.config)
    return dataclasses.replace(built, method=method, config=dataclasses.asdict(settings))


def names(method: str) -> list[str]:
    """Return the recipes in the method's folder."""
    return sorted(path.stem for path in _folder(method).glob("*.toml"))


def _found(method: str, recipe: str | None) -> Path | None:
    known = names(method)
    if recipe is None:
        return _folder(method) / f"{DEFAULT}.toml" if DEFAULT in known else None
    if recipe.endswith(".toml"):
        return Path(recipe)
    if recipe not in known:
        told = ", ".join(known) or "none"
        raise ConfigError(
            f"{method} has no recipe '{recipe}' (known: {told}); or give a .toml file"
        )
    return _folder(method) / f"{recipe}.toml"


def _folder(method: str) -> Path:
    return Path(str(files(catalog.card(method).package))) / "recipes"

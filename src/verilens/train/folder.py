"""The folder of a run: what was asked, what it ran on, what came of it.

config.toml        the resolved recipe; `verilens train METHOD --recipe config.toml` reads it
environment.json   seed, versions, data set with digest and counts, notes
metrics.jsonl      one line a step and one an epoch
tensorboard/       the same as curves
best.safetensors   weights with the best validation, best.json their card
last/              the checkpoint to go on from
broken.json        files that could not be read, and why
"""

import dataclasses
import json
import platform
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from verilens import __version__, config
from verilens.errors import ConfigError, StoreError
from verilens.train.checkpoint import write_text
from verilens.train.recipe import Recipe

# A run may be made longer or saved more often; everything else would make it another run.
MAY_CHANGE = ("epochs", "steps", "patience", "save_every_steps")


class RunsOn(Protocol):
    """What a run's folder tells of the samples; counts: how many, by split."""

    @property
    def dataset(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def counts(self) -> object: ...


class Folder:
    """Writes into a run's folder; a process that is not `main` writes nothing."""

    def __init__(self, path: Path, is_main: bool = True) -> None:
        self.path = path
        self.is_main = is_main
        self._rows: Any = None
        self._curves: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rows:
            self._rows.close()
        if self._curves:
            self._curves.close()

    def check(self, recipe: Recipe, chosen: RunsOn, resume: bool) -> None:
        """Raise ConfigError when the folder holds another run, or one and `resume` is not set."""
        if not (self.path / "config.toml").exists():
            return
        if not resume:
            raise ConfigError(
                f"{self.path} holds a run; --resume goes on with it, --out names another folder"
            )
        changed = _differences(_fixed(Recipe.read(self.path / "config.toml")), _fixed(recipe))
        if changed:
            raise ConfigError(f"{self.path} was started with other settings: {'; '.join(changed)}")
        before = self._environment()["data"]["digest"]
        if before != chosen.digest:
            raise ConfigError(f"{self.path} was started on other samples; choose another --out")

    def begin(self, recipe: Recipe, chosen: RunsOn, facts: dict[str, Any]) -> None:
        """Write what is asked and what it runs on."""
        if not self.is_main:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / "environment.json", _environment(recipe, chosen, facts))
        write_text(self.path / "config.toml", config.dumps(dataclasses.asdict(recipe)))

    def open_logs(self, n: int) -> None:
        """Begin to log after step `n`; what an interrupted run wrote beyond it is dropped."""
        if not self.is_main:
            return
        path = self.path / "metrics.jsonl"
        kept = [row for row in rows(path) if row["n"] <= n]
        write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
        self._rows = path.open("a", encoding="ascii")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # curves are a convenience; the rows hold the same
            return
        self._curves = SummaryWriter(str(self.path / "tensorboard"), purge_step=n + 1)

    def log(self, kind: str, n: int, values: dict[str, Any]) -> None:
        """Write one line; its numbers become points of curves."""
        if not self._rows:
            return
        self._rows.write(json.dumps({"kind": kind, "n": n, **values}) + "\n")
        self._rows.flush()
        if self._curves:
            for name, value in values.items():
                if isinstance(value, (int, float)) and name not in ("epoch", "batch"):
                    self._curves.add_scalar(f"{kind}/{name}", value, n)

    def _environment(self) -> dict[str, Any]:
        path = self.path / "environment.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise StoreError(f"{path}: damaged ({error}); choose another --out") from error
        return found


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics file; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _environment(recipe: Recipe, chosen: RunsOn, facts: dict[str, Any]) -> str:
    import accelerate
    import numpy
    import torch

    found = {
        "command": sys.argv,
        "seed": recipe.plan.seed,
        "versions": {
            "verilens": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "accelerate": accelerate.__version__,
            "numpy": numpy.__version__,
        },
        "platform": platform.platform(),
        "data": {"dataset": chosen.dataset, "digest": chosen.digest, "samples": chosen.counts},
        "notes": list(chosen.notes),
    }
    return json.dumps({**found, **facts}, indent=2) + "\n"


def _fixed(recipe: Recipe) -> dict[str, Any]:
    values = dataclasses.asdict(recipe)
    for name in MAY_CHANGE:
        del values["plan"][name]
    return values


def _differences(before: dict[str, Any], after: dict[str, Any], at: str = "") -> list[str]:
    """Return "plan.lr was 0.1, is 0.2" for every value that differs."""
    found = []
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{at}{name}.")
        elif _listed(old) != _listed(new):
            found.append(f"{at}{name} was {old}, is {new}")
    return sorted(found)


def _listed(value: object) -> object:
    """Return tuples as lists: a free-form table comes back from TOML with lists."""
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value

"""Training of what reads or makes signing: signed sentences in, one weights file out."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from verilens import catalog, config, weights
from verilens.batch import TextPoseBatch
from verilens.errors import ConfigError
from verilens.method import Method
from verilens.motion.submission import Signed, problems
from verilens.motion.vocabulary import counted
from verilens.train import checkpoint
from verilens.train.loop import Batches, Step, fit
from verilens.train.recipe import Recipe

FEWEST = 2


class Taught(Protocol):
    """A method of signing; it says itself how sentences become its batches."""

    def sentences(self, signed: list[Signed], batch: int, seed: int) -> Batches[TextPoseBatch]: ...


def prepared(recipe: Recipe, signed: Mapping[str, Signed]) -> Recipe:
    """Return the recipe with the corpus's vocabularies in its configuration, where it has none."""
    sentences = list(signed.values())
    if len(sentences) < FEWEST or not all(s.text.strip() for s in sentences):
        raise ConfigError(f"training needs at least {FEWEST} sentences, each with its text")
    changes: dict[str, Any] = {"words": counted(s.text.lower() for s in sentences)}
    changes["glosses"] = counted(s.gloss for s in sentences)
    new = {k: v for k, v in changes.items() if k in recipe.config and not recipe.config[k]}
    return dataclasses.replace(recipe, config=config.merged(recipe.config, new))


def teach(recipe: Recipe, signed: Mapping[str, Signed], out: Path) -> Iterator[Step]:
    """Train a method on signed sentences, yield its steps, and write weights that name the words.

    recipe: resolved, and `prepared` for these sentences.
    """
    told = problems(signed, int(str(recipe.config["joints"])))
    if told:
        raise ConfigError("these movements cannot be learned from: " + "; ".join(told[:3]))
    method = cast(Method[TextPoseBatch], catalog.build(recipe.method, recipe.config))
    plan = recipe.plan
    batches = cast(Taught, method).sentences(list(signed.values()), plan.batch, plan.seed)
    yield from fit(method, batches, plan)
    facts = weights.metadata(recipe.method, recipe.config)
    checkpoint.save_weights(out, method.state_dict(), facts)

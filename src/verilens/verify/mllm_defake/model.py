"""The six prompts and their fusion, put to any answerer; there is nothing to train.

clips -> six angles -> (conversation | majority) -> real, fake or undecided, with reasons
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

from verilens.errors import ConfigError
from verilens.method import Loss, Method
from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer
from verilens.understand.programs import Program, Ran, run
from verilens.understand.verdicts import Verdict, share_of_fakes, verdict
from verilens.verify.mllm_defake.config import Config

FUSION = "fusion"


class Judgement(NamedTuple):
    """What the prompts come to for one sample.

    share: of the angles that decide, those that say fake; None when none does. angles: each one's
    verdict. reasons: the fusing conversation's text, empty without one.
    """

    verdict: Verdict
    share: float | None
    angles: dict[str, Verdict]
    reasons: str
    answers: tuple[Answer, ...]


class MLLMDefake(Method[Any]):
    """Judges pictures by what a multimodal model answers."""

    name = "mllm_defake"

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()

    def training_step(self, batch: Any) -> Loss:
        """Raise ConfigError: prompts are not trained."""
        raise ConfigError(
            "mllm_defake: it has no weights to train; the model that answers has them"
        )

    def judge(self, answerer: Answerer, shown: Sequence[Sequence[Clip]]) -> list[Judgement]:
        """Return what the model's answers come to for each sample. shown: the clips of each.

        NoAccess, NotThere, Overloaded as `asking.ask`.
        """
        config = self.config
        fusion = program(FUSION)
        ran = run(fusion, answerer, shown, config.parallel, config.max_tokens)
        return [self._joined(one) for one in ran]

    def _joined(self, ran: Ran) -> Judgement:
        strict = self.config.strict
        angles = {
            name.removeprefix("seen_"): verdict(text, strict)
            for name, text in ran.variables.items()
            if name.startswith("seen_")
        }
        share = share_of_fakes(list(angles.values()))
        said = verdict(ran.text, strict)
        if self.config.fusion == "majority":
            said = majority(share)
        return Judgement(said, share, angles, ran.text, ran.answers)


def majority(share: float | None) -> Verdict:
    """Return what most angles say; a tie, or none that decides, is undecided."""
    if share is None or share == 0.5:
        return "undecided"
    return "fake" if share > 0.5 else "genuine"


@cache
def program(name: str) -> Program:
    """Return one of the prompts of this folder."""
    with as_file(files("verilens.verify.mllm_defake") / "prompts" / f"{name}.json") as path:
        return Program.read(path)

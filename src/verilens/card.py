"""What a method says of itself, without importing anything heavy.

A card feeds `verilens methods`, the docs table, the report footer and the contract tests; nobody
keeps those lists by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from verilens.errors import ConfigError

Task = Literal[
    "ai-image",
    "ai-video",
    "face-forgery",
    "spoof",
    "post",
    "localize",
    "explain",
    "recognize",
    "lift",
    "sign",
    "in-between",
    "movement",
]
Reads = Literal["media", "post", "poses", "text", "answers"]
Level = Literal["frame", "clip", "segment", "pixel"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A method's name, origin and limits.

    entry: "module:Class" relative to the method's package, imported only when it is used.
    uncertain: what the paper leaves open and how we chose; shown on the docs page.
    own_reading: True when parts of the method are ours, not the paper's.
    cues, levels: what gives a fake away to it, ids of `taxonomy.toml`, and how finely it answers.
    reads: what it is given; only methods that read media can be asked by a scan. "answers" are
        those of a multimodal model to its prompts.
    """

    name: str
    title: str
    summary: str
    tasks: tuple[Task, ...]
    entry: str
    paper: str
    licence: str
    limits: tuple[str, ...]
    uncertain: tuple[str, ...] = ()
    own_reading: bool = False
    cues: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    reads: Reads = "media"
    modality: Literal["visual", "audio", "audio-visual", "text"] = "visual"
    extras: tuple[str, ...] = ()
    risk: str | None = None
    package: str = ""  # filled in by the catalog


@dataclass(frozen=True, kw_only=True)
class DataCard:
    """A data set's name, layout, origin and traps. Nothing is ever downloaded.

    layout: the folders and lists the adapter expects below the root, as published.
    access: how one gets it. consent: what is known of the consent of the people shown.
    traps: what goes wrong with it elsewhere, and what the adapter does about it.
    genuine, fake: published numbers of samples, 0 when not stated.
    """

    name: str
    title: str
    summary: str
    tasks: tuple[Task, ...]
    layout: str
    paper: str
    licence: str
    access: str
    consent: str
    year: int
    genuine: int = 0
    fake: int = 0
    has_audio: bool = False
    traps: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("licence", "access", "consent", "layout"):
            if not getattr(self, name).strip():
                raise ConfigError(f"data card '{self.name}': '{name}' must say something")


@dataclass(frozen=True, kw_only=True)
class WeightsCard:
    """What is known of one weights file: `<name>.json` beside `<name>.safetensors`.

    measured: figures by name, e.g. {"image_auc": 0.8}; the command that prints them is `command`.
    """

    name: str
    file: Path
    sha256: str
    licence: str
    corpus: str
    recipe: str
    command: str
    seed: int
    measured: Mapping[str, float]
    limits: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "WeightsCard":
        """Return the card stored at `path`; its weights file lies beside it."""
        text = json.loads(path.read_text(encoding="utf-8"))
        text["limits"] = tuple(text["limits"])
        return cls(name=path.stem, file=path.with_suffix(".safetensors"), **text)

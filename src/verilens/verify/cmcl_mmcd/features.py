"""What the network reads, and how three encoders make it of a post; `data` reads published ones."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.batch import Batch
from verilens.errors import MissingWeights
from verilens.nn.library import transformers
from verilens.nn.sentences import LOAD_ERRORS, Encoder
from verilens.verify.cmcl_mmcd.config import Config

PAIRS = ("visual-text", "audio-text", "visual-audio")  # vt, at, va in the published files
NO_SOUND = "no sound was read: the speaker's emotion is left at zero"


class Features(NamedTuple):
    """text: (B, tokens, D); frames: (B, frames, D); both emotions (B, D); all float32."""

    text: Tensor
    text_emotion: Tensor
    frames: Tensor
    audio: Tensor


@dataclass(frozen=True, kw_only=True)
class FeatureBatch(Batch):
    """Features with labels: 1 is fake, (B,) float32.

    inconsistent: which pairs contradict each other, (B, 3) float32 of 0 and 1, ordered as PAIRS.
    """

    text: Tensor
    text_emotion: Tensor
    frames: Tensor
    audio: Tensor
    inconsistent: Tensor | None = None

    def features(self) -> Features:
        """Return what the network reads."""
        return Features(self.text, self.text_emotion, self.frames, self.audio)


def filled(rows: Tensor, count: int) -> Tensor:
    """Return exactly `count` rows, zeros added. rows: (N, D); what is beyond is left out."""
    kept = rows[:count].float()
    return torch.cat([kept, kept.new_zeros(count - len(kept), rows.shape[1])])


def thinned(rows: Tensor, count: int) -> Tensor:
    """Return `count` rows: every n-th of more, zeros after fewer. rows: (N, D)."""
    return filled(rows[:: max(1, len(rows) // count)], count)


def extracted(config: Config, words: str, frames: NDArray[np.uint8]) -> Features:
    """Return the features of a post as a batch of one, the speaker's emotion at zero.

    words: all that is read of the post; frames: RGB, (N, 224, 224, 3) uint8. MissingWeights where
    the config names no encoder.
    """
    folders = {name: getattr(config, f"{name}_encoder") for name in ("text", "emotion", "frame")}
    missing = [f"{name}_encoder" for name, folder in folders.items() if not folder]
    if missing:
        what = f"cmcl_mmcd makes no features of a post without {', '.join(missing)} in its config"
        raise MissingWeights(f"{what}: name local folders of transformers models")
    text = hidden(folders["text"], words, config.tokens)
    emotion = hidden(folders["emotion"], words, config.tokens).mean(0)
    seen = torch.from_numpy(np.array(_pictures(folders["frame"]).pictures(frames)))
    expected = {
        "text": config.text_width,
        "emotion": config.emotion_width,
        "frame": config.frame_width,
    }
    for (name, width), found in zip(expected.items(), (text, emotion, seen), strict=True):
        if found.shape[-1] != width:
            what = f"{name}_encoder gives {found.shape[-1]} numbers, {width} are read"
            raise MissingWeights(f"cmcl_mmcd: {what}; name the encoder that it was trained with")
    return Features(
        filled(text, config.tokens)[None],
        emotion[None],
        thinned(seen, config.frames)[None],
        torch.zeros(1, config.emotion_width),
    )


@torch.no_grad()
def hidden(folder: str, text: str, longest: int) -> Tensor:
    """Return a text encoder's last hidden states, (tokens, D); one of zeros where none is read."""
    tokenizer, model = _words(folder)
    longest = min(longest, tokenizer.model_max_length)
    given = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
    if not given["input_ids"].numel():
        return torch.zeros(1, model.config.hidden_size)
    found: Tensor = model(**given).last_hidden_state[0]
    return found


@lru_cache(maxsize=4)
def _words(folder: str) -> tuple[Any, Any]:
    library = transformers("cmcl_mmcd")
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = library.AutoModel.from_pretrained(folder, local_files_only=True).float().eval()
    except LOAD_ERRORS as error:
        raise MissingWeights(f"cmcl_mmcd: no text encoder in {folder}: {error}") from error
    return tokenizer, model


@lru_cache(maxsize=4)
def _pictures(folder: str) -> Encoder:
    return Encoder(folder)

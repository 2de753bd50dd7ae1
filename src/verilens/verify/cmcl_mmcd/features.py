"""What the network reads: features as published, or made of a scanned post by three encoders.

Published features are pickles, of torch or plain ones; only tensors, arrays, numbers and texts are
read out of them, and anything else is refused.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from verilens.batch import Batch
from verilens.errors import MissingExtra, MissingWeights
from verilens.media.opened import Opened
from verilens.nn.sentences import LOAD_ERRORS, Encoder
from verilens.records import Post
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


def extracted(config: Config, post: Post, opened: Opened) -> tuple[Features, tuple[str, ...]]:
    """Return the features of a scanned post, and in words what was not read.

    Raises MissingWeights where the config names no encoder.
    """
    folders = {name: getattr(config, f"{name}_encoder") for name in ("text", "emotion", "frame")}
    missing = [f"{name}_encoder" for name, folder in folders.items() if not folder]
    if missing:
        what = f"cmcl_mmcd makes no features of a post without {', '.join(missing)} in its config"
        raise MissingWeights(f"{what}: name local folders of transformers models")
    words = " ".join(filter(None, (post.title, post.text, post.ocr))) or " "
    text = hidden(folders["text"], words, config.tokens)
    emotion = hidden(folders["emotion"], words, config.tokens).mean(0)
    seen = Encoder(folders["frame"]).pictures(opened.clips[config.view].frames)
    frames = torch.from_numpy(np.ascontiguousarray(seen))
    expected = {
        "text": config.text_width,
        "emotion": config.emotion_width,
        "frame": config.frame_width,
    }
    for (name, width), found in zip(expected.items(), (text, emotion, frames), strict=True):
        if found.shape[-1] != width:
            what = f"{name}_encoder gives {found.shape[-1]} numbers, {width} are read"
            raise MissingWeights(f"cmcl_mmcd: {what}; name the encoder that it was trained with")
    silence = torch.zeros(1, config.emotion_width)
    features = Features(
        filled(text, config.tokens)[None],
        emotion[None],
        thinned(frames, config.frames)[None],
        silence,
    )
    return features, (NO_SOUND,)


def hidden(folder: str, text: str, longest: int) -> Tensor:
    """Return a text encoder's last hidden states, (tokens, D)."""
    try:
        library: Any = importlib.import_module("transformers")
    except ImportError as error:
        message = "cmcl_mmcd needs transformers: pip install 'verilens[backbones]'"
        raise MissingExtra(message) from error
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = library.AutoModel.from_pretrained(folder, local_files_only=True).float().eval()
    except LOAD_ERRORS as error:
        raise MissingWeights(f"cmcl_mmcd: no text encoder in {folder}: {error}") from error
    longest = min(longest, tokenizer.model_max_length)
    given = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
    found: Tensor = model(**given).last_hidden_state[0]
    return found


def inconsistency(facts: Mapping[str, object]) -> list[float]:
    """Return the pseudo-labels of one video by PAIRS; texts and integers alike.

    facts: with "vt", "at" and "va", each 0 or 1 as a text or a number.
    """
    found = [str(facts[name]).strip() for name in ("vt", "at", "va")]
    if not set(found) <= {"0", "1"}:
        raise ValueError(f"a pseudo-label is neither 0 nor 1: {found}")
    return [float(text) for text in found]


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Return rows as one tensor, (B, ...) float32."""
    return torch.stack([row.float() for row in rows])

"""CLIP's two encoders from `transformers`, by their configuration or from a local folder."""

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verilens.errors import MissingExtra, MissingWeights
from verilens.verify.gm_df.config import Config

LOAD_ERRORS = (OSError, ValueError, RuntimeError)
TEXT_RATIO, LONGEST = 4, 77


def transformers() -> Any:
    """Return the library; MissingExtra when it is not installed."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        message = "gm_df needs transformers: pip install 'verilens[backbones]'"
        raise MissingExtra(message) from error


def vision(config: Config) -> Any:
    """Return the image encoder, without its projection."""
    clip, library = config.clip, transformers()
    settings = library.CLIPVisionConfig(
        hidden_size=clip.width,
        intermediate_size=4 * clip.width,
        num_hidden_layers=clip.blocks,
        num_attention_heads=clip.heads,
        image_size=config.view.size,
        patch_size=clip.patch,
        projection_dim=clip.projection,
    )
    return _built(library.CLIPVisionModel, settings, config.pretrained)


def text(config: Config) -> Any:
    """Return the text encoder with its projection."""
    clip, library = config.clip, transformers()
    settings = library.CLIPTextConfig(
        vocab_size=clip.vocabulary,
        hidden_size=clip.text_width,
        intermediate_size=TEXT_RATIO * clip.text_width,
        num_hidden_layers=clip.text_blocks,
        num_attention_heads=clip.text_heads,
        max_position_embeddings=LONGEST,
        projection_dim=clip.projection,
        bos_token_id=clip.vocabulary - 2,
        eos_token_id=clip.vocabulary - 1,
        pad_token_id=clip.vocabulary - 1,
    )
    return _built(library.CLIPTextModelWithProjection, settings, config.pretrained)


def tokens(words: Sequence[str], config: Config) -> list[int]:
    """Return the tokens of some words, without start and end.

    With CLIP's tokenizer where its folder has one. Without: every word's hash, which the text
    encoder has never seen mean anything.
    """
    folder = config.pretrained
    if folder and (Path(folder) / "vocab.json").is_file():
        try:
            tokenizer = transformers().CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except LOAD_ERRORS as error:
            raise MissingWeights(f"gm_df: no tokenizer in {folder}: {error}") from error
        found: list[int] = tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
        return found
    digests = [hashlib.sha256(word.lower().encode()).digest() for word in words]
    return [int.from_bytes(digest[:6], "big") % (config.clip.vocabulary - 2) for digest in digests]


def _built(cls: Any, settings: Any, folder: str) -> Any:
    if not folder:
        return cls(settings)
    try:
        return cls.from_pretrained(folder, config=settings, local_files_only=True).float()
    except LOAD_ERRORS as error:
        message = f"gm_df: no {cls.__name__} weights in {folder}: {error}"
        raise MissingWeights(message) from error

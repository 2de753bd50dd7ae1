"""CLIP's two encoders from `transformers`, by their sizes or from a local folder; nothing is loaded
from elsewhere. Importing this imports no torch: configurations name the sizes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verilens.errors import MissingWeights
from verilens.nn.library import transformers

if TYPE_CHECKING:
    from torch import Tensor

LOAD_ERRORS = (OSError, ValueError, RuntimeError)
TEXT_RATIO, LONGEST = 4, 77


@dataclass(frozen=True, kw_only=True)
class ClipSizes:
    """The encoders; the defaults are CLIP ViT-B/16.

    projection: length of the features that pictures and prompts are compared in. vocabulary: tokens
    of the text encoder; the last two begin and end a sentence.
    """

    width: int = 768
    blocks: int = 12
    heads: int = 12
    patch: int = 16
    text_width: int = 512
    text_blocks: int = 12
    text_heads: int = 8
    vocabulary: int = 49408
    projection: int = 512

    @classmethod
    def tiny(cls, blocks: int = 2, vocabulary: int = 512) -> "ClipSizes":
        """Return small encoders for tests."""
        return cls(
            width=32,
            blocks=blocks,
            heads=2,
            patch=8,
            text_width=32,
            text_blocks=2,
            text_heads=2,
            vocabulary=vocabulary,
            projection=24,
        )

    @property
    def ends(self) -> list[int]:
        """Return the tokens that begin and end a sentence."""
        return [self.vocabulary - 2, self.vocabulary - 1]


def vision(sizes: ClipSizes, image_px: int, pretrained: str = "", projected: bool = False) -> Any:
    """Return the image encoder for pictures of a side, with its projection or without.

    pretrained: local folder in the Hugging Face layout; empty starts untrained.
    """
    library = transformers("CLIP")
    settings = library.CLIPVisionConfig(
        hidden_size=sizes.width,
        intermediate_size=4 * sizes.width,
        num_hidden_layers=sizes.blocks,
        num_attention_heads=sizes.heads,
        image_size=image_px,
        patch_size=sizes.patch,
        projection_dim=sizes.projection,
    )
    kind = library.CLIPVisionModelWithProjection if projected else library.CLIPVisionModel
    return _built(kind, settings, pretrained)


def text(sizes: ClipSizes, pretrained: str = "") -> Any:
    """Return the text encoder with its projection."""
    library = transformers("CLIP")
    settings = library.CLIPTextConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.text_width,
        intermediate_size=TEXT_RATIO * sizes.text_width,
        num_hidden_layers=sizes.text_blocks,
        num_attention_heads=sizes.text_heads,
        max_position_embeddings=LONGEST,
        projection_dim=sizes.projection,
        bos_token_id=sizes.ends[0],
        eos_token_id=sizes.ends[1],
        pad_token_id=sizes.ends[1],
    )
    return _built(library.CLIPTextModelWithProjection, settings, pretrained)


def tokens(words: Sequence[str], sizes: ClipSizes, pretrained: str = "") -> list[int]:
    """Return the tokens of some words, without start and end.

    With CLIP's tokenizer where its folder has one. Without: every word's hash, which the text
    encoder has never seen mean anything.
    """
    if pretrained and (Path(pretrained) / "vocab.json").is_file():
        tokenizer_class = transformers("CLIP").CLIPTokenizer
        try:
            tokenizer = tokenizer_class.from_pretrained(pretrained, local_files_only=True)
        except LOAD_ERRORS as error:
            raise MissingWeights(f"CLIP: no tokenizer in {pretrained}: {error}") from error
        found: list[int] = tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
        return found
    digests = [hashlib.sha256(word.lower().encode()).digest() for word in words]
    return [int.from_bytes(digest[:6], "big") % (sizes.vocabulary - 2) for digest in digests]


def embedded(encoder: Any, ids: "Sequence[int]") -> "Tensor":
    """Return the vectors of tokens, (len(ids), text width). encoder: as of `text`."""
    table: Tensor = encoder.text_model.embeddings.token_embedding.weight
    return table[list(ids)]


def worded(encoder: Any, words: Sequence[str], sizes: ClipSizes, pretrained: str = "") -> "Tensor":
    """Return the vectors of some words, (tokens, text width); see `tokens`."""
    return embedded(encoder, tokens(words, sizes, pretrained))


def unit_features(encoder: Any, sizes: ClipSizes, sentences: "Sequence[Tensor]") -> "Tensor":
    """Return unit features, (P, projection), of sentences of vectors without start and end."""
    import torch
    from torch.nn.functional import normalize

    ends = embedded(encoder, sizes.ends)
    whole = [torch.cat([ends[:1], sentence, ends[1:]]) for sentence in sentences]
    return normalize(read(encoder, whole), dim=1)


def read(encoder: Any, sentences: "Sequence[Tensor]") -> "Tensor":
    """Return the features at the end of sentences of vectors, (P, projection), not of unit length.

    encoder: as of `text`. sentences: (L, text width) each, their start and end included. CLIP reads
    from left to right, so what pads a shorter sentence behind its end changes nothing.
    """
    from torch.nn.utils.rnn import pad_sequence

    words = pad_sequence(list(sentences), batch_first=True)
    body = encoder.text_model
    x = body.embeddings(inputs_embeds=words)
    length = x.shape[1]
    later = x.new_full((length, length), float("-inf")).triu(1)
    x = body.encoder(inputs_embeds=x, attention_mask=later[None, None]).last_hidden_state
    last = [len(sentence) - 1 for sentence in sentences]
    ends = x[list(range(len(last))), last]
    features: Tensor = encoder.text_projection(body.final_layer_norm(ends))
    return features


def _built(kind: Any, settings: Any, folder: str) -> Any:
    if not folder:
        return kind(settings)
    try:
        return kind.from_pretrained(folder, config=settings, local_files_only=True).float()
    except LOAD_ERRORS as error:
        message = f"CLIP: no {kind.__name__} weights in {folder}: {error}"
        raise MissingWeights(message) from error

"""Published features in miniature, and folders of tiny encoders, for CMCL with MMCD."""

import json
from pathlib import Path

import numpy as np
import torch

WORDS = ("post", "0", "1", "2", "3", "on", "event", "breaking", "news", "the", "bridge", "opened")


def published(root: Path, names: list[str], width: int = 24) -> None:
    """Write features of these videos below `root`, as they are published for FakeSV.

    Every second label of a pair is an integer; visual and audio are said to agree.
    """
    folder = root / "fea" / "fakesv"
    for kind in ("text", "audio", "visual"):
        (folder / f"preprocess_{kind}").mkdir(parents=True)
    lines = [
        {"video_id": name, "vt": "1", "at": 1 if n % 2 else "1", "va": 0}
        for n, name in enumerate(names)
    ]
    (folder / "metainfo.json").write_text("\n".join(map(json.dumps, lines)))
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    texts = {name: torch.randn(5 + n, width) for n, name in enumerate(names)}
    torch.save({"last_hidden_state": texts}, folder / "preprocess_text" / "sem_text_fea.pkl")
    emotions = {name: torch.randn(width) for name in names}
    torch.save({"pooler_output": emotions}, folder / "preprocess_text" / "emo_text_fea.pkl")
    for n, name in enumerate(names):
        torch.save(torch.randn(1, width), folder / "preprocess_audio" / f"{name}.pkl")
        frames = rng.normal(size=(3 + n, width)).astype(np.float32)
        torch.save(frames, folder / "preprocess_visual" / f"{name}.pkl")


def encoders(root: Path, width: int = 24) -> dict[str, str]:
    """Write encoders of words and of pictures below `root`; return the fields that name them."""
    import tokenizers
    import transformers

    words = {word: n for n, word in enumerate(("[PAD]", "[UNK]", *WORDS))}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    inner.normalizer = tokenizers.normalizers.Lowercase()
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]"
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "max_position_embeddings": 40}
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=len(words), **sizes))
    clip = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config={"vocab_size": len(words), **sizes},
            vision_config={**sizes, "image_size": 224, "patch_size": 112},
            projection_dim=width,
        )
    )
    models = {"text_encoder": bert, "emotion_encoder": bert, "frame_encoder": clip}
    for name, model in models.items():
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return {name: str(root / name) for name in models}

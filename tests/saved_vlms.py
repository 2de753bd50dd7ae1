"""Tiny vision-language models in folders, laid out as the hub lays them out."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

TURNS = "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}"
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SEEING = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip


def smolvlm(folder: Path) -> Path:
    """Write a SmolVLM."""
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    rows = [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
    special = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *rows]
    tokens = tokenizer(special)
    settings = transformers.SmolVLMConfig(
        vision_config=SEEING,
        text_config={"model_type": "llama", **SMALL, "vocab_size": len(tokens)},
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=0,
    )
    side = {"longest_edge": 32}
    pictures = SmolVLMImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    model = transformers.SmolVLMForConditionalGeneration
    facts = {"processor_class": "SmolVLMProcessor", "image_seq_len": 4}
    return written(folder, model, settings, tokens, pictures, "<image>", facts)


def qwen(folder: Path) -> Path:
    """Write a Qwen2.5-VL."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    special = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
    tokens = tokenizer(special)
    ids = dict(zip(special, tokens.convert_tokens_to_ids(special), strict=True))
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    settings = transformers.Qwen2_5_VLConfig(
        vision_config={
            "depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2,
            "out_hidden_size": 32, "patch_size": 14, "window_size": 28,
            "fullatt_block_indexes": [0],
        },
        text_config={**SMALL, "vocab_size": len(tokens), "rope_parameters": rope},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    pictures = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56)
    model = transformers.Qwen2_5_VLForConditionalGeneration
    shown = "<|vision_start|><|image_pad|><|vision_end|>"
    facts = {"processor_class": "Qwen2_5_VLProcessor"}
    return written(folder, model, settings, tokens, pictures, shown, facts)


def llava(folder: Path) -> Path:
    """Write a LLaVA."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokens = tokenizer(["<image>"])
    settings = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**SEEING),
        text_config=transformers.LlamaConfig(**SMALL, vocab_size=len(tokens)),
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
    )
    crop = {"height": 32, "width": 32}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=crop)
    facts = {
        "processor_class": "LlavaProcessor", "patch_size": 8, "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default", "image_token": "<image>",
    }  # fmt: skip
    model = transformers.LlavaForConditionalGeneration
    return written(folder, model, settings, tokens, pictures, "<image>", facts)


def tokenizer(special: list[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer of bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    listed = ["<pad>", "<s>", "</s>", *special, *alphabet]
    core = Tokenizer(models.BPE({token: n for n, token in enumerate(listed)}, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=special,
    )  # fmt: skip


def written(
    folder: Path, model: Any, settings: Any, tokens: Any, pictures: Any, shown: str,
    facts: dict[str, object],
) -> Path:  # fmt: skip
    """Write all of it; `shown` stands where a picture goes."""
    torch.manual_seed(0)
    model(settings).save_pretrained(folder)
    tokens.save_pretrained(folder)
    pictures.save_pretrained(folder)
    each = f"{{% if c['type'] == 'image' %}}{shown}{{% else %}}{{{{ c['text'] }}}}{{% endif %}}"
    ending = "{% endfor %} {% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    (folder / "chat_template.jinja").write_text(TURNS + each + ending)
    (folder / "processor_config.json").write_text(json.dumps(facts))
    return folder

"""Takes the official linear layer, and its encoder from a local Hugging Face folder."""

import json
from pathlib import Path

from verilens.errors import MissingWeights
from verilens.published import Backbone, Converter


def clip(folder: Path) -> Backbone:
    """Return the CLIP vision encoder stored in `folder`, and the settings that describe it."""
    from verilens.verify.univfd.config import Encoder
    from verilens.verify.univfd.encoder import Frozen

    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise MissingWeights(f"{folder}: no readable config.json ({error})") from error
    seen = facts.get("vision_config", facts)
    if "clip" not in str(facts.get("model_type")) or "hidden_size" not in seen:
        raise MissingWeights(f"{folder}: holds no CLIP with a vision encoder")
    settings = {
        "kind": "clip",
        "width": seen["hidden_size"],
        "layers": seen["num_hidden_layers"],
        "heads": seen["num_attention_heads"],
        "mlp": seen["intermediate_size"],
        "patch": seen["patch_size"],
        "image": seen["image_size"],
        "features": facts.get("projection_dim", seen.get("projection_dim")),
        "activation": seen.get("hidden_act", "quick_gelu"),
    }
    encoder = Frozen(Encoder(**settings), str(folder))
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    notes = ("the text encoder of the folder",) if "text_config" in facts else ()
    return Backbone(
        {"encoder": settings}, tensors, tuple(f"{part}: not part of the network" for part in notes)
    )


CONVERTER = Converter(
    source="github.com/WisconsinAIVision/UniversalFakeDetect, pretrained_weights/fc_weights.pth, "
    "with openai/clip-vit-large-patch14 from a local Hugging Face folder",
    licence="MIT",
    renamed={r"(?:fc\.)?(weight|bias)": r"head.\1"},
    backbone=clip,
)

"""Florence-2 from `transformers`: by its configuration, or from a local folder."""

from typing import Any

from verilens.errors import MissingWeights
from verilens.nn.library import transformers
from verilens.verify.amd.config import Config
from verilens.verify.amd.tokens import BOS, EOS, LOAD_ERRORS, PAD


def florence(config: Config) -> Any:
    """Return the network; MissingWeights when the folder of `pretrained` has none."""
    library = transformers("amd")
    if config.pretrained:
        try:
            cls = library.Florence2ForConditionalGeneration
            return cls.from_pretrained(config.pretrained, local_files_only=True).float()
        except LOAD_ERRORS as error:
            message = f"amd: no Florence-2 weights in {config.pretrained}: {error}"
            raise MissingWeights(message) from error
    return library.Florence2ForConditionalGeneration(settings(config))


def settings(config: Config) -> Any:
    """Return the library's configuration of the network."""
    ours, library = config.florence, transformers("amd")
    text = library.BartConfig(
        vocab_size=ours.vocabulary,
        d_model=ours.width,
        encoder_layers=ours.layers,
        decoder_layers=ours.layers,
        encoder_attention_heads=ours.text_heads,
        decoder_attention_heads=ours.text_heads,
        encoder_ffn_dim=ours.ffn,
        decoder_ffn_dim=ours.ffn,
        max_position_embeddings=ours.positions,
        dropout=ours.dropout,
        attention_dropout=ours.dropout,
        activation_dropout=ours.dropout,
        bos_token_id=BOS,
        pad_token_id=PAD,
        eos_token_id=EOS,
        decoder_start_token_id=EOS,
        forced_eos_token_id=EOS,
    )
    vision = library.models.florence2.configuration_florence2.Florence2VisionConfig(
        depths=ours.depths,
        embed_dim=ours.dims,
        num_heads=ours.heads,
        num_groups=ours.heads,
        window_size=ours.window,
        projection_dim=ours.width,
        drop_path_rate=ours.drop_path,
    )
    return library.Florence2Config(
        text_config=text, vision_config=vision, image_token_id=ours.vocabulary
    )

"""Settings of ForgeryTalker; the defaults are those of its code, InstructBLIP with Flan-T5-XL."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.nn.vlm import Lora
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """Sizes of one of its parts."""

    width: int
    layers: int
    heads: int
    inner: int


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the networks are.

    base: folder of an InstructBLIP saved by transformers; without one it is built, untrained, and
        words are bytes, or come from the closed vocabulary `words`.
    prompter: the ViT that predicts regions; vision, reader, language: InstructBLIP's ViT, Q-Former
        and T5. queries: of the Q-Former. vocabulary: of T5, reader_vocabulary: of the Q-Former.
    image, patch, prompter_patch: sides in pixels. heads: of attention to the picture, in gate and
        mask. mask_depth, mask_inner: of the two-way transformer. mask: side of the mask in pixels.
    gate: layers and so on of the BERT that reads the region's names.
    frozen: the ViT and T5 of InstructBLIP stay as they are; adapters: LoRA of that ViT.
    threshold: of a region's probability. mask_weight: of forged pixels in the mask's loss.
    gate_weight: of the gate's loss. prompt_weights: of BCE, focal, Dice, Jaccard loss.
    negative_weight: of regions that are not edited in that BCE. focal: its gamma.
    double_sigmoid: feed the sigmoid of the mask to a loss that takes it again, as the code does.
    beams, least, most: of the report's search, in tokens.
    """

    base: str = ""
    words: tuple[str, ...] = ()
    prompter: Transformer = Transformer(width=1280, layers=32, heads=16, inner=5120)
    vision: Transformer = Transformer(width=1408, layers=39, heads=16, inner=6144)
    reader: Transformer = Transformer(width=768, layers=12, heads=12, inner=3072)
    language: Transformer = Transformer(width=2048, layers=24, heads=32, inner=5120)
    gate: Transformer = Transformer(width=768, layers=12, heads=12, inner=3072)
    queries: int = 32
    vocabulary: int = 32128
    reader_vocabulary: int = 30523
    image: int = 224
    patch: int = 14
    prompter_patch: int = 14
    branches: bool = True
    heads: int = 8
    mask_depth: int = 2
    mask_inner: int = 2048
    mask: int = 224
    frozen: bool = True
    adapters: Lora = field(default_factory=lambda: Lora(rank=8, alpha=16, dropout=0.0))
    threshold: float = 0.5
    mask_weight: float = 2.0
    gate_weight: float = 0.5
    prompt_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    negative_weight: float = 0.2
    focal: float = 2.0
    double_sigmoid: bool = False
    beams: int = 5
    least: int = 5
    most: int = 100
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="resize"))

    def __post_init__(self) -> None:
        if self.view.size != self.image:
            raise ConfigError(
                f"forgerytalker: view.size must be image, {self.image}, not {self.view.size}"
            )
        if len(self.prompt_weights) != 4:
            raise ConfigError("forgerytalker: prompt_weights are of BCE, focal, Dice and Jaccard")

    @classmethod
    def tiny(cls, words: tuple[str, ...] = ()) -> "Config":
        """Return small networks for tests."""
        small = Transformer(width=32, layers=2, heads=2, inner=64)
        return cls(
            words=words,
            prompter=small,
            vision=small,
            reader=small,
            language=small,
            gate=small,
            queries=4,
            vocabulary=0,
            reader_vocabulary=0,
            image=32,
            patch=8,
            prompter_patch=8,
            heads=2,
            mask_inner=64,
            mask=16,
            frozen=False,
            adapters=Lora(rank=0),
            beams=2,
            least=1,
            most=8,
            view=View(size=32, frames=2, fit="resize"),
        )

"""Settings of G-SFormer; the defaults are the released G-SFormer-L of 243 frames."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.motion.lifter import LifterConfig, Window


@dataclass(frozen=True, kw_only=True)
class Config(LifterConfig):
    """What the network is built from.

    layers: of the encoder. positions: how many of them, from the first, add a learned place in
        time. outer: add what a layer reads to what it gives once more.
    skip: attention reads every how many frames; a layer of the decoder shrinks by it.
    part_width, part_hidden, joint_width: of the graph; joints x joint_width must be 10 x
        part_width. width, hidden, heads: of the transformer.
    pool: frames that the residual of a shrinking layer takes the largest of; 1 keeps every
        `skip`-th frame.
    """

    layers: int = 8
    positions: int = 4
    outer: bool = True
    skip: int = 3
    width: int = 256
    hidden: int = 512
    heads: int = 8
    part_hidden: int = 16
    part_width: int = 51
    joint_width: int = 30
    pool: int = 1
    joint_embedding: bool = True
    dropout: float = 0.1
    drop_path: float = 0.1
    window: Window = field(default_factory=lambda: Window(frames=243, step=2, roll=50))

    def __post_init__(self) -> None:
        shrinks, frames = 0, self.window.frames
        while self.skip > 1 and frames % self.skip == 0:
            shrinks, frames = shrinks + 1, frames // self.skip
        if frames != 1:
            raise ConfigError(
                f"g_sformer: window.frames ({self.window.frames}) must be a power of skip "
                f"({self.skip}), which must be at least 2"
            )
        if not 1 <= self.pool <= self.skip or self.width % self.heads:
            raise ConfigError("g_sformer: pool must lie in [1, skip], heads must divide width")
        if not 0 <= self.positions <= self.layers:
            raise ConfigError(f"g_sformer: positions must lie in [0, {self.layers}]")
        if self.skeleton != "h36m17":
            raise ConfigError(f"g_sformer: its parts are those of h36m17, not of {self.skeleton}")
        if 10 * self.part_width != 17 * self.joint_width:
            raise ConfigError("g_sformer: 10 x part_width must equal 17 x joint_width")

    @property
    def shrinks(self) -> int:
        """Return the layers of the decoder."""
        count, frames = 0, self.window.frames
        while frames > 1:
            count, frames = count + 1, frames // self.skip
        return count

    @classmethod
    def middle(cls) -> "Config":
        """Return the variant of four layers."""
        return cls(layers=4, positions=2, outer=False)

    @classmethod
    def small(cls) -> "Config":
        """Return the variant of three layers."""
        return cls(layers=3, positions=1, outer=False)

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights, ours: 27 frames, a width of 64."""
        return cls(
            layers=3,
            positions=1,
            outer=False,
            width=64,
            hidden=128,
            dropout=0.0,
            drop_path=0.0,
            scale="person",
            window=Window(frames=27, step=1, roll=6),
        )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        window = Window(frames=9, step=1, roll=2)
        return cls(layers=2, positions=1, width=16, hidden=16, heads=2, window=window)

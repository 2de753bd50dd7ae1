"""Settings of the renderer; all of them are our own."""

from dataclasses import dataclass

from verilens.errors import ConfigError

ARMS = ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7))  # of PHOENIX14T's 50 joints
HANDS = ((4, 29), (7, 8))


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the renderer is built from.

    edges: bones that are drawn into the network's input, a channel each, pairs of joints.
    size: side of frame and picture in pixels. width, levels: of the features, and how often they
        are halved.
    thickness: of a drawn bone, in parts of the picture. keys_px: side to which the picture is
        reduced before its places are compared with those of the frame.
    """

    edges: tuple[tuple[int, int], ...] = (*ARMS, *HANDS)
    size: int = 128
    width: int = 64
    levels: int = 3
    thickness: float = 0.03
    keys_px: int = 32

    def __post_init__(self) -> None:
        if self.size % 2**self.levels or self.size % self.keys_px:
            raise ConfigError(
                f"motion_lexicon: size must be a multiple of {2**self.levels} and of keys_px"
            )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(size=32, width=16, levels=2, thickness=0.06, keys_px=32)

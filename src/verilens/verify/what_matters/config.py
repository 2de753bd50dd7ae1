"""Settings of What Matters. Only the abstract of the paper is verified; the rest is our reading."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View

EXPERTS = ("appearance", "motion", "geometry")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the experts see and what they are built from.

    experts: which of the three there are, in this order.
    ensemble: how their probabilities become one: "mean", "max", "weighted" (by how far above
        chance each expert's AUC was on validation clips) or "stacked" (logistic regression on
        their log-odds). The last two are equal weights until `fit_ensemble`.
    appearance: "texture" (filter energies, no weights), "dinov2" (that architecture, untrained
        until a weights file is loaded) or "folder" (a transformers backbone in
        `appearance_folder`).
    dinov2: width, layers and heads of "dinov2"; those of ViT-B/14.
    motion: OpenCV's "farneback" or the faster "dis".
    geometry: "haze" (a proxy, no weights) or "folder" (a transformers depth model in
        `geometry_folder`).
    haze_patch: side in pixels of the neighbourhood that holds something dark.
    reduced: channels the appearance features are brought to by a 1 x 1 x 1 convolution.
    width, depths, bottleneck, time_strides: of the 3-D ResNets, see `nn.resnet3d.Layout`.
    cam_stage: whose output Grad-CAM maps; -1 is the last stage.
    """

    experts: tuple[str, ...] = EXPERTS
    ensemble: Literal["mean", "max", "weighted", "stacked"] = "mean"
    appearance: Literal["texture", "dinov2", "folder"] = "texture"
    appearance_folder: str = ""
    dinov2: tuple[int, int, int] = (768, 12, 12)
    motion: Literal["farneback", "dis"] = "farneback"
    geometry: Literal["haze", "folder"] = "haze"
    geometry_folder: str = ""
    haze_patch: int = 15
    reduced: int = 64
    width: int = 64
    depths: tuple[int, ...] = (2, 2, 2, 2)
    bottleneck: bool = False
    time_strides: tuple[int, ...] = (1, 1, 2, 1)
    cam_stage: int = -1
    view: View = field(default_factory=lambda: View(size=224, frames=16, fit="resize"))

    def __post_init__(self) -> None:
        known = tuple(name for name in EXPERTS if name in self.experts)
        if not known or known != tuple(self.experts):
            raise ConfigError(
                f"what_matters: experts must be some of {', '.join(EXPERTS)}, in this order, "
                f"not {list(self.experts)}"
            )
        if self.view.frames < 2:
            raise ConfigError("what_matters: view.frames must be at least 2, to have motion")
        if self.haze_patch % 2 == 0:
            raise ConfigError(f"what_matters: haze_patch must be odd, not {self.haze_patch}")
        if len(self.time_strides) != len(self.depths):
            raise ConfigError("what_matters: time_strides and depths must name as many stages")
        if not -len(self.depths) <= self.cam_stage < len(self.depths):
            raise ConfigError(f"what_matters: no stage {self.cam_stage} for cam_stage")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            haze_patch=5,
            reduced=8,
            width=8,
            depths=(1, 1),
            time_strides=(1, 1),
            view=View(size=32, frames=4, fit="resize"),
        )

"""Takes the checkpoints of the official repository, whose layers have torchvision's names."""

from verilens.published import Converter

LAYERS = {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4, "conv3": 6, "bn3": 7}  # of our branch
BLOCKS = {1: (3, 4), 2: (4, 7)}  # stage: how many, and where the first stands in our trunk


def _blocks() -> dict[str, str]:
    found = {}
    for stage, (count, start) in BLOCKS.items():
        for n in range(count):
            theirs, ours = rf"layer{stage}\.{n}\.", f"trunk.{start + n}."
            for layer, at in LAYERS.items():
                found[rf"{theirs}{layer}\.(\w+)"] = rf"{ours}branch.{at}.\1"
            found[rf"{theirs}downsample\.(.+)"] = rf"{ours}shortcut.\1"
    return found


CONVERTER = Converter(
    source="github.com/chuangchuangtan/NPR-DeepfakeDetection, NPR.pth",
    licence="not stated by its repository: ask its authors before you share it",
    renamed={
        r"conv1\.(\w+)": r"trunk.0.\1",
        r"bn1\.(\w+)": r"trunk.1.\1",
        r"fc1\.(\w+)": r"head.\1",
        **_blocks(),
    },
)

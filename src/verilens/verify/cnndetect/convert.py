"""Takes the checkpoints of the official repository, whose layers have torchvision's names."""

from verilens.published import Converter

CONVERTER = Converter(
    source="github.com/PeterWang512/CNNDetection, blur_jpg_prob0.5.pth and blur_jpg_prob0.1.pth",
    licence="CC-BY-NC-SA-4.0",
    renamed={r"(.*)": r"network.\1"},
)

"""How far apart two representations of one movement put the wrists."""

import numpy as np
from numpy.typing import NDArray

from verilens.motion.signaligner.config import Config


def wrist_gap(
    pose: NDArray[np.floating], hands: NDArray[np.floating], config: Config | None = None
) -> float:
    """Return the mean distance of the wrists of pose and hands, in the pose's unit.

    pose: (T, joints, 3); hands: (T, hands). 0 where both come of one true movement.
    """
    config = config or Config()
    points = hands.reshape(len(hands), -1, 3)[:, list(config.hand_wrists)]
    return float(np.linalg.norm(pose[:, list(config.wrists)] - points, axis=-1).mean())

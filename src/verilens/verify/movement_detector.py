"""The contract of methods that judge movement: the joints of persons in, evidence out."""

from collections.abc import Sequence
from typing import ClassVar

from verilens.method import Method, Trained
from verilens.records import Claim, Evidence, Pose


class MovementDetector(Method[Trained]):
    """A method that scores movement: positive logits are generated.

    Subclasses set `name` and implement `inspect`.
    """

    name: ClassVar[str]
    claim: ClassVar[Claim] = "generated-movement"

    def inspect(self, poses: Sequence[Pose]) -> list[Evidence]:
        """Return a piece of evidence on each person of a clip, of several with `track` from 1 on.

        A person of whom too little is seen has none; see `unable`.
        """
        raise NotImplementedError

    def unable(self, pose: Pose) -> str:
        """Return in words why nothing is said of a person, "" when something is."""
        raise NotImplementedError

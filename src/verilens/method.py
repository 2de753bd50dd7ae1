"""The one contract every method keeps, whatever its family."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

from verilens.batch import Batch

Trained = TypeVar("Trained", bound=Batch)


@dataclass(frozen=True)
class Loss:
    """What to minimise, and its parts for the log.

    each: the loss of every sample, (B,), whose mean is a term of `total`; None when the method has
        no such term. Difficulty boosting weighs it.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    each: Tensor | None = None


class Method(nn.Module, Generic[Trained]):
    """A network that can be trained on batches of its family's kind.

    Built with no argument it has the paper's full-size configuration.

    needs: the fields of its batch that `training_step` reads beside what every batch of its family
        holds; the data loader fills those and no others.
    one_class: it learns from genuine media alone; the data loader shows it no others.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    one_class: ClassVar[bool] = False

    def training_step(self, batch: Trained) -> Loss:
        """Return the loss of one batch."""
        raise NotImplementedError

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield optimiser groups; by default all weights in one."""
        yield {"params": [p for p in self.parameters() if p.requires_grad]}

"""Weights files that hold what was learned, once, and not the base model beside which it was."""

from collections.abc import Mapping
from typing import Any

from torch import nn


class LearnedOnly(nn.Module):
    """A network that may stand on a base model from a folder.

    On a base, frozen weights are left out of the state: they come from the folder again. A tensor
    that goes by several names is stored under the first.
    """

    @property
    def stands_on_base(self) -> bool:
        """Return whether the frozen weights come from a folder."""
        raise NotImplementedError

    def state_dict(self, *arguments: Any, **named: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the weights to store."""
        whole: dict[str, Any] = super().state_dict(*arguments, **named)
        left_out = self._left_out()
        return {name: tensor for name, tensor in whole.items() if name not in left_out}

    def load_state_dict(  # type: ignore[override]
        self, state: Mapping[str, Any], *_: Any, **__: Any
    ) -> Any:
        """Take weights as `state_dict` gives them; KeyError when some are missing or foreign."""
        odd = set(state) ^ set(self.state_dict())
        if odd:
            raise KeyError(f"{len(odd)} tensors are missing or foreign, e.g. {min(odd)}")
        return super().load_state_dict(state, strict=False)

    def _left_out(self) -> set[str]:
        seen: set[int] = set()
        names = set()
        for name, weight in self.named_parameters(remove_duplicate=False):
            is_base = self.stands_on_base and not weight.requires_grad
            if is_base or id(weight) in seen:
                names.add(name)
            seen.add(id(weight))
        return names

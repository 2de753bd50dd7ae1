"""How many classes there are and what they are called; imports no torch."""

from verilens.errors import ConfigError


def check(method: str, classes: int, labels: tuple[str, ...]) -> None:
    """Raise ConfigError when there is nothing to choose from, or names of other classes."""
    if classes < 2:
        raise ConfigError(f"{method}: classes must be at least 2, not {classes}")
    if labels and len(labels) != classes:
        raise ConfigError(f"{method}: {len(labels)} labels for {classes} classes")

"""The library that networks of others come from; it loads when it is first asked for."""

import importlib
from typing import Any

from verilens.errors import MissingExtra


def transformers(who: str, extra: str = "backbones") -> Any:
    """Return transformers. MissingExtra, which says who needs it and the extra to install."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtra(f"{who} needs transformers: pip install 'verilens[{extra}]'") from error

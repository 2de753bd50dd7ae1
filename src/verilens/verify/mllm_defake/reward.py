"""What an answer earns when a model is tuned to this task by rewards, as the paper's code does.

    <think> thoughts </think> <verdict> real | fake </verdict>

1 for the form and 1 more for the right verdict inside it. A right verdict in another wrapper, or
without one, earns nothing: it could not be told from a word in passing.
"""

import re
from typing import Literal

FORM = re.compile(
    r"\s*<think>.+?</think>\s*<verdict>\s*(?P<verdict>[^<>]*?)\s*</verdict>\s*",
    re.DOTALL | re.IGNORECASE,
)


def reward(text: str, label: Literal["real", "fake"]) -> float:
    """Return 0, 1 or 2. Tags come once each, thoughts first, and nothing stands beside them."""
    found = FORM.fullmatch(text)
    if found is None or text.lower().count("<verdict>") != 1 or text.lower().count("<think>") != 1:
        return 0.0
    return 1.0 + float(found["verdict"].lower() == label)

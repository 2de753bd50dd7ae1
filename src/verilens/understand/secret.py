"""A key that cannot be printed by accident."""

import os
import re

MASK = "[key]"
KEY_LIKE = re.compile(r"\b(?:sk|pk|hf|gsk|key)[-_][A-Za-z0-9_\-*.]{6,}|Bearer\s+\S+")


class Secret:
    """A key from the environment; text and logs show a mask in its place."""

    def __init__(self, value: str = "") -> None:
        self._value = value.strip()

    @classmethod
    def of(cls, variable: str) -> "Secret":
        """Return the key in an environment variable, an empty one when it is not set."""
        return cls(os.environ.get(variable, ""))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK if self._value else "no key"

    def __reduce__(self) -> str:
        raise TypeError("a key is not stored")

    def headers(self) -> dict[str, str]:
        """Return the request's header that shows the key."""
        return {"Authorization": f"Bearer {self._value}"} if self._value else {}

    def masked(self, text: str) -> str:
        """Return text without the key, should somebody have repeated it."""
        return text.replace(self._value, MASK) if self._value else text

    def quoted(self, text: str) -> str:
        """Return somebody's message without the key and without all that looks like one."""
        return KEY_LIKE.sub(MASK, self.masked(text))

"""Text that came out of a file, made safe to store and honest to look at.

Paths and metadata are written by strangers. `unicode` keeps them encodable, whatever bytes a path
holds; `visible` shows what would otherwise reorder or hide text: control characters, bidirectional
marks, zero-width and other invisible characters.
"""

import re
import unicodedata

# Format characters (bidi, zero width, tags), controls, separators, surrogates; "\n" and "\t" too.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Blank although Unicode calls them letters, marks or symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# A line break, or a joiner inside a word that is not Latin.
_JOINED = re.compile(r"(\n|(?<=[^\W\x00-\u02ff])[\u200c\u200d](?=[^\W\x00-\u02ff]))")
_PLAIN = re.compile(r"[\x20-\x7e]*")


def unicode(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold written out, as in \\xff or \\ud800."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "backslashreplace")
        return raw.decode("utf-8", "backslashreplace")
    return text


def visible(text: str) -> str:
    """Return `text` on one line with every invisible character written as its escape.

    A zero-width joiner inside an emoji is escaped too: in a file's name, a plain reading matters
    more than a pretty one.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_shown(character) for character in unicode(text))


def readable(text: str) -> str:
    """Return `text` with its line breaks, and otherwise as `visible` does.

    Joiners between letters stay: Persian, Hindi and others are written with them.
    """
    parts = _JOINED.split(text.replace("\r\n", "\n"))
    return "".join(part if n % 2 else visible(part) for n, part in enumerate(parts))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN and character not in _BLANK:
        return character
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, longest: int = 600) -> str:
    """Return `text`, or its beginning and how long it was."""
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text)} characters)"

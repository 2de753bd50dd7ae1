"""Hidden characters are shown; readable text of any script is left alone."""

import pytest

from verilens.report.escape import unicode, visible


@pytest.mark.parametrize("text", ["plain.jpg", "Übung – 写真 ภาพ.png", "a b", "🙂.jpg", "❤️"])
def test_readable_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("a\nb\x1b[2J", "a\\nb\\x1b[2J"),
        ("a\u200bb", "a\\u200bb"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\udce9", "a\\xe9"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u3164b", "a\\u3164b"),
    ],
)
def test_hidden_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_unicode_keeps_valid_text() -> None:
    assert unicode("\u202e ok") == "\u202e ok"

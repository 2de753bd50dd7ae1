"""How the contract tests make a method small."""

import importlib
from typing import Any

import torch

from verilens.card import Card
from verilens.method import Method


def cls(card: Card) -> type[Method[Any]]:
    module, _, name = card.entry.partition(":")
    return getattr(importlib.import_module(f"{card.package}.{module}"), name)


def tiny(card: Card) -> Any:
    config = importlib.import_module(f"{card.package}.config").Config
    torch.manual_seed(0)
    return cls(card)(config.tiny())

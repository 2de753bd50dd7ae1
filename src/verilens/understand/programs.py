"""Prompt programs: conversations that run in order, each reading what the earlier ones said.

    program (JSON) + clips -> conversation -> variable -> next conversation ... -> "result"

The form is version 3 of mllm-defake's prompt files. A payload is a list of [role, text], or [role,
text, "{image_url}"] where the picture stands. Texts may name earlier answers in braces and nothing
else: a prompt that could read a sample's label or path would give the truth away. Answers are put
in as they are, cut to a limit, and never read as templates.
"""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from verilens.errors import ConfigError
from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer, Asked, Question, Role, Turn
from verilens.understand.asking import ask

VERSION = "3"
RESULT = "result"
PICTURE = "image_url"
MOST_BYTES = 1 << 20
LONGEST_VALUE = 4000  # characters of an earlier answer in a later question
LEAKS = ("label", "_image_path")


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One exchange. variable: the name its answer goes by afterwards."""

    name: str
    variable: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Conversations in the order they run; the last named "result" is the answer."""

    name: str
    conversations: tuple[Conversation, ...]

    @classmethod
    def read(cls, path: Path) -> "Program":
        """Return the program in a file; ConfigError names what is wrong with it."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise ConfigError(f"{path}: a prompt file has at most {MOST_BYTES} bytes")
            value = json.loads(content)
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: not a readable prompt file ({error})") from error
        return parsed(value, str(path))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a program came to. text: of the result; empty with the outcome of what failed."""

    text: str
    answers: tuple[Answer, ...]
    variables: Mapping[str, str]


def parsed(value: Any, where: str) -> Program:
    """Return the program that a file's JSON holds. ConfigError."""
    if not isinstance(value, dict) or value.get("format_version") != VERSION:
        found = value.get("format_version") if isinstance(value, dict) else None
        raise ConfigError(f'{where}: prompt files have format_version "{VERSION}", not {found!r}')
    try:
        conversations = tuple(
            _conversation(item, f"{where}: conversation {n}")
            for n, item in enumerate(value["conversations"], 1)
        )
        name = str(value["name"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ConfigError(f"{where}: not in the form of a prompt file ({error!r})") from error
    known: set[str] = set()
    for each in conversations:
        for turn in each.turns:
            _check(turn.text, known, f"{where}: {each.name}")
        known.add(each.variable)
    if RESULT not in known:
        raise ConfigError(f"{where}: no conversation answers into the variable '{RESULT}'")
    return Program(name=name, conversations=conversations)


def _conversation(item: Mapping[str, Any], where: str) -> Conversation:
    if item.get("decorators"):
        raise ConfigError(f"{where}: decorators are code, and none is run here; leave them out")
    turns = []
    for role, text, *shown in item["payload"]:
        if role not in get_args(Role) or not isinstance(text, str):
            raise ConfigError(f"{where}: a turn is [role, text], role one of {get_args(Role)}")
        if shown not in ([], [f"{{{PICTURE}}}"]):
            raise ConfigError(f'{where}: the third part of a turn is "{{{PICTURE}}}" or nothing')
        turns.append(Turn(role=role, text=text, shows=bool(shown)))
    variable = str(item["response_var_name"])
    if not variable.isidentifier():
        raise ConfigError(f"{where}: '{variable}' is no name for an answer")
    return Conversation(name=str(item["id"]), variable=variable, turns=tuple(turns))


def _check(template: str, known: set[str], where: str) -> None:
    """Raise ConfigError for a template that names what it may not, or nothing."""
    for name in names(template, where):
        if name in LEAKS:
            raise ConfigError(f"{where}: {{{name}}} would tell the model the truth")
        if name not in known:
            told = ", ".join(sorted(known)) or "none yet"
            raise ConfigError(f"{where}: no answer named {{{name}}}; earlier ones: {told}")


def names(template: str, where: str = "prompt") -> list[str]:
    """Return the plain names in a template's braces; ConfigError for anything else there."""
    found = []
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(f"{where}: {error}; write {{{{ and }}}} for braces") from error
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ConfigError(f"{where}: only names stand in braces, not {{{name}}}")
        found.append(name)
    return found


def filled(template: str, variables: Mapping[str, str]) -> str:
    """Return a template with its names replaced; ConfigError for one that has no value."""
    parts = []
    for before, name, _, _ in string.Formatter().parse(template):
        parts.append(before)
        if name is None:
            continue
        if name not in variables:
            raise ConfigError(f"prompt: no answer named {{{name}}}")
        parts.append(variables[name][:LONGEST_VALUE])
    return "".join(parts)


def run(
    program: Program,
    answerer: Answerer,
    shown: Sequence[Sequence[Clip]],
    parallel: int = 4,
    max_tokens: int = 512,
) -> list[Ran]:
    """Run a program about several samples at once and return what it came to for each.

    shown: the clips of each sample. A conversation without a usable answer leaves its variable
    empty; the program goes on. NoAccess, NotThere, Overloaded as `asking.ask`.
    """
    variables: list[dict[str, str]] = [{} for _ in shown]
    answers: list[list[Answer]] = [[] for _ in shown]
    for each in program.conversations:
        asked = (
            Asked(Question(turns=worded(each, known), max_tokens=max_tokens), tuple(clips))
            for clips, known in zip(shown, variables, strict=True)
        )
        for place, answer in enumerate(ask(answerer, asked, parallel)):
            variables[place][each.variable] = answer.text if is_usable(answer) else ""
            answers[place].append(answer)
    return [
        Ran(text=known[RESULT], answers=tuple(given), variables=known)
        for known, given in zip(variables, answers, strict=True)
    ]


def worded(conversation: Conversation, variables: Mapping[str, str]) -> tuple[Turn, ...]:
    """Return a conversation's turns with earlier answers written in."""
    return tuple(
        Turn(role=turn.role, text=filled(turn.text, variables), shows=turn.shows)
        for turn in conversation.turns
    )


def is_usable(answer: Answer) -> bool:
    """Tell whether an answer says something."""
    return answer.outcome in ("answered", "cut-off")

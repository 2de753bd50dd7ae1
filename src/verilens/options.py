"""What a scan may be told, and the fingerprint of everything its results depend on.

Imports no torch: a scan whose files are all known never loads a network.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import verilens
from verilens import catalog, weights
from verilens.card import Card, Reads, Task
from verilens.errors import ConfigError, MissingExtra
from verilens.media.opened import Limits
from verilens.records import View

STARTER = "starter"
APART: tuple[Task, ...] = ("spoof",)  # questions of their own: nobody is asked unless told so
PARTS = ("media", "nn", "poses", "verify")  # packages whose code and constants decide what is found
Backend = Literal["torch", "onnxruntime"]


@dataclass(frozen=True, kw_only=True)
class Posts:
    """That a scan is of posts, and who reads their words.

    methods: those that read posts, as in `Options`; none come with starter weights.
    encoder: a folder or a hub's name of what compares words; "" is the packaged one.
    compared: whether words are compared at all.
    """

    methods: tuple[str, ...] = ()
    encoder: str = ""
    compared: bool = True


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a scan.

    methods: names, or "name=weights" with a weights name or a .safetensors file; None asks all that
        come with starter weights, but those whose only task is one of APART; `of_task` names these.
        Where all of them speak about presentation attacks, so does the verdict. () asks none.
    where: also make heat maps of stills and a denser timeline of suspected videos.
    jobs: files worked on at once; None means one a core.
    timeout_s: wall-clock seconds one file may take. max_bytes: of a file or a download.
    allow_private: also fetch URLs at private, loopback and link-local addresses.
    backend: what runs the networks. posts: the sources are posts with their media, see `Posts`.
    poses: how the persons of the one film that is scanned move, a file of joints or a folder.
    """

    methods: tuple[str, ...] | None = None
    where: bool = True
    jobs: int | None = None
    timeout_s: float = 60.0
    max_bytes: int = 4 << 30
    allow_private: bool = False
    backend: Backend = "torch"
    posts: Posts | None = None
    poses: Path | None = None

    def __post_init__(self) -> None:
        for name in ("timeout_s", "max_bytes"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.methods == () and not self.posts:
            raise ConfigError("no method to ask; list them with 'verilens methods'")
        if self.jobs is not None and self.jobs < 1:
            raise ConfigError(f"jobs must be at least 1, not {self.jobs}")
        if self.backend not in get_args(Backend):
            known = " or ".join(get_args(Backend))
            raise ConfigError(f"backend must be {known}, not '{self.backend}'")

    @property
    def workers(self) -> int:
        """Return how many files are worked on at once."""
        return self.jobs or cores()

    @property
    def limits(self) -> Limits:
        """Return what one file may cost the decoder."""
        return Limits(max_bytes=self.max_bytes, seconds=self.timeout_s)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Choice(NamedTuple):
    """A method to ask, and the checked file of its weights."""

    card: Card
    weights: Path

    @property
    def view(self) -> View:
        """Return which pixels the method scores, where it reads media; loads no network."""
        name = self.card.name
        view: View = catalog.settings(name, weights.config_of(self.weights, name)).view
        return view


def cache_folder() -> Path:
    """Return the folder for what can be made again: $XDG_CACHE_HOME/verilens."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "verilens"


def choices(methods: tuple[str, ...] | None, reads: Reads = "media") -> list[Choice]:
    """Return the methods in the catalog's order; UnknownName, MissingWeights."""
    wanted = {}
    if methods is None:
        ready = (n for n in started(reads) if not set(catalog.card(n).tasks) <= set(APART))
        wanted = dict.fromkeys(ready, STARTER)
    for item in methods or ():
        name, _, chosen = item.partition("=")
        if name in wanted:
            raise ConfigError(f"method {name} is named twice; a scan asks each with one file")
        if (read := catalog.card(name).reads) != reads:
            hint = "add --task post" if read == "post" else "leave it out"
            raise ConfigError(f"method {name} reads {read}, not {reads}; {hint}")
        wanted[catalog.card(name).name] = chosen or STARTER
    if not wanted and methods != ():
        raise ConfigError("no method to ask; list them with 'verilens methods'")
    order = [name for name in catalog.cards() if name in wanted]
    return [
        Choice(catalog.card(name), weights.find(catalog.card(name), wanted[name])) for name in order
    ]


def able(methods: tuple[str, ...] | None) -> tuple[list[Choice], tuple[str, ...]]:
    """Return who of the methods can be asked here, and in words why others cannot.

    Raises MissingExtra when a chosen one reads faces and nothing here can find them; of all
    methods, those of faces then stay away.
    """
    from verilens.media import faces

    chosen = choices(methods)
    faceless = [choice for choice in chosen if choice.view.fit != "face"]
    if len(faceless) < len(chosen):
        try:
            faces.require()
        except MissingExtra as error:
            if methods:
                raise
            return faceless, (str(error),)
    return chosen, ()


def scored(methods: tuple[str, ...] | None) -> tuple[View, ...]:
    """Return the pixels by which these methods score a file, without loading them."""
    return tuple(dict.fromkeys(choice.view for choice in able(methods)[0]))


def started(reads: Reads = "media") -> list[str]:
    """Return the methods that come with starter weights, in the catalog's order."""
    able = {name: card for name, card in catalog.cards().items() if card.reads == reads}
    return [name for name, card in able.items() if STARTER in weights.available(card)]


def of_movement() -> list[str]:
    """Return the methods that judge the movement of joints, of those with starter weights."""
    return [name for name in started("poses") if "movement" in catalog.card(name).tasks]


def of_task(task: Task, methods: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return which of the methods to ask about a task; ConfigError when there is none.

    methods: as of `Options`; None takes all that come with starter weights.
    """
    given = started() if methods is None else methods
    found = tuple(m for m in given if task in catalog.card(m.partition("=")[0]).tasks)
    if not found or (methods and len(found) < len(methods)):
        able = ", ".join(name for name, card in catalog.cards().items() if task in card.tasks)
        raise ConfigError(
            f"task {task}: ask methods that have it (there are: {able or 'none'}); those without "
            "starter weights need yours, as in 'name=my.safetensors'"
        )
    return found


def readers(posts: Posts) -> list[Choice]:
    """Return the methods that read posts; none unless some are named."""
    return choices(posts.methods, "post") if posts.methods else []


def for_posts(
    methods: tuple[str, ...] | None, encoder: str = ""
) -> tuple[tuple[str, ...] | None, Posts]:
    """Return which of the methods are asked of the media of posts, and who reads the posts."""
    given = methods or ()
    of_posts = tuple(m for m in given if catalog.card(m.partition("=")[0]).reads == "post")
    of_media = tuple(m for m in given if m not in of_posts) or None
    return of_media, Posts(methods=of_posts, encoder=encoder)


def fingerprint(options: Options) -> str:
    """Return a hash of all that decides what is found in a file: code, weights, settings."""
    from verilens.media import faces

    facts = {
        "version": verilens.__version__,
        "code": code(),
        "backend": options.backend,
        "methods": {c.card.name: weights.sha256(c.weights) for c in choices(options.methods)},
        "where": options.where,
        "faces": faces.weights() is not None,
        "movement": {n: weights.available(catalog.card(n))[STARTER].sha256 for n in of_movement()},
    }
    if options.posts:
        from verilens.nn import sentences

        asked = readers(options.posts)
        facts["posts"] = {c.card.name: weights.sha256(c.weights) for c in asked}
        encoder = sentences.identity(options.posts.encoder) if options.posts.compared else None
        facts["encoder"] = encoder
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def code() -> str:
    """Return a hash of the sources that decide, so that edits never meet stale results."""
    total = hashlib.sha256()
    for part in PARTS:
        folder = Path(str(files(f"verilens.{part}")))
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".json", ".npz", ".toml"):
                total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()

"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, hosted ones.

A try that fails for the moment is tried again after a growing pause; an answer is read up to a
limit of bytes and of seconds. The key stands in one header and nowhere else.
"""

import base64
import io
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from verilens.errors import (
    ConfigError,
    MissingExtra,
    NoAccess,
    NotThere,
    Overloaded,
    ServerError,
    Unreachable,
)
from verilens.records import Clip
from verilens.understand.answerer import LONGEST, Answer, Answerer, Question, Turn, outcome_of
from verilens.understand.secret import Secret

try:
    import httpx
except ImportError as error:
    raise MissingExtra("asking an endpoint needs httpx: pip install 'verilens[mllm]'") from error

AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
QUOTED = 200  # characters of a server's message
# What not every server knows; left out, or renamed, once one complains of it by name.
OPTIONAL = ("response_format", "seed", "temperature")
RENAMED = {"max_tokens": "max_completion_tokens"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one question may cost. seconds: of one try, from first byte to last."""

    tries: int = 4
    seconds: float = 120.0
    max_bytes: int = 1 << 20
    jpeg_quality: int = 92
    first_wait_s: float = FIRST_WAIT_S


class Endpoint(Answerer):
    """A model behind an address such as http://127.0.0.1:8000/v1."""

    def __init__(
        self, url: str, model: str, key: Secret | None = None, limits: Limits | None = None
    ) -> None:
        """ConfigError for an address that is none, or that holds a key."""
        self.name, self.limits = model, limits or Limits()
        self.url = checked(url)
        self.identity = f"{self.url} {model} jpeg {self.limits.jpeg_quality}"
        self._key = key or Secret()
        self._unknown: set[str] = set()  # fields that this server refuses
        self._http = httpx.Client(
            headers=self._key.headers() | {"Accept-Encoding": "identity"},
            timeout=self.limits.seconds,
            follow_redirects=False,  # a key is for one server
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        """Return the model's answer.

        NoAccess, NotThere: no key or no such model. Overloaded, Unreachable: after all tries.
        ServerError: it refuses this question, or answers something that is no chat completion.
        """
        begun = time.monotonic()
        pictures = [shown for clip in clips for shown in encoded(clip, self.limits.jpeg_quality)]
        reply = self._sent(question, [message(turn, pictures) for turn in question.turns])
        return self._understood(reply, time.monotonic() - begun)

    def _sent(self, question: Question, messages: list[dict[str, Any]]) -> Mapping[str, Any]:
        wait, left = self.limits.first_wait_s, self.limits.tries
        while True:
            left -= 1
            try:
                status, headers, content = self._post(body(question, self.name, messages))
            except httpx.TransportError as error:
                if left <= 0:
                    said = self._key.quoted(str(error) or type(error).__name__)
                    message = f"{self.url} does not answer: {said}"
                    raise Unreachable("unreachable", message, None) from None
                delay = wait
            else:
                if status == 200:
                    return self._parsed(content)
                if status in (400, 422) and self._learned(content):
                    left += 1
                    continue
                if status not in AGAIN or left <= 0:
                    raise self._problem(status, content)
                delay = asked_wait(headers, wait)
            time.sleep(delay * random.uniform(1.0, 1.1))
            wait = min(LONGEST_WAIT_S, 2 * wait)

    def _post(self, asked: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and content; TransportError when it takes too long."""
        for name in self._unknown:
            value = asked.pop(name, None)
            if name in RENAMED:
                asked[RENAMED[name]] = value
        begun, content = time.monotonic(), bytearray()
        with self._http.stream("POST", f"{self.url}/chat/completions", json=asked) as reply:
            for piece in reply.iter_bytes():
                content += piece
                if len(content) > self.limits.max_bytes:
                    message = f"{self.url} answered more than {self.limits.max_bytes} bytes"
                    raise ServerError("too-large", message, reply.status_code)
                if time.monotonic() - begun > self.limits.seconds:
                    raise httpx.ReadTimeout(f"no whole answer in {self.limits.seconds:g} s")
            return reply.status_code, reply.headers, bytes(content)

    def _learned(self, content: bytes) -> bool:
        """Note which optional field a server complains of; tell whether it was a new one."""
        said = content[:4096].decode("utf-8", "replace")
        names = (*OPTIONAL, *RENAMED)
        news = {name for name in names if name in said} - self._unknown
        self._unknown |= news
        return bool(news)

    def _problem(self, status: int, content: bytes) -> ServerError:
        said = self._key.quoted(content[:4096].decode("utf-8", "replace"))
        said = " ".join(said.split())[:QUOTED]
        kinds: dict[int, tuple[type[ServerError], str]] = {
            401: (NoAccess, "the key is missing or wrong; set it in the environment"),
            403: (NoAccess, "the key is not for this"),
            404: (NotThere, f"there is no model '{self.name}', or no such address"),
        }
        kinds |= dict.fromkeys(AGAIN, (Overloaded, "busy or broken at every try"))
        kind, meaning = kinds.get(status, (ServerError, "it refuses the question"))
        return kind("http", f"{self.url} answered {status}: {meaning} ({said})", status)

    def _parsed(self, content: bytes) -> Mapping[str, Any]:
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        raise ServerError("no-completion", f"{self.url} answered something that is no JSON", 200)

    def _understood(self, reply: Mapping[str, Any], seconds: float) -> Answer:
        try:
            choice = reply["choices"][0]
            said, finish = choice["message"], str(choice.get("finish_reason") or "")
            text = said.get("content") or ""
            refusal = said.get("refusal") or ""
        except (KeyError, IndexError, TypeError, AttributeError):
            said = f"{self.url} answered something that is no chat completion"
            raise ServerError("no-completion", said, 200) from None
        if isinstance(text, list):  # some give the parts of a message
            text = "".join(str(p.get("text", "")) for p in text if isinstance(p, dict))
        text = self._key.masked(str(text))
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return Answer(
            text=text[: LONGEST + 1],
            outcome="refused" if refusal and not text else outcome_of(text, finish),
            model=self.name,
            tokens_in=count(usage.get("prompt_tokens")),
            tokens_out=count(usage.get("completion_tokens")),
            seconds=seconds,
            note=self._key.quoted(str(refusal))[:QUOTED],
        )


def checked(url: str) -> str:
    """Return an endpoint's address without a closing slash; ConfigError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("an endpoint's address looks like http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "an endpoint's address must hold no key, password or query; put the key into the "
            "environment"
        )
    return url.rstrip("/").removesuffix("/chat/completions")


def body(question: Question, model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a request of chat completions."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_tokens": question.max_tokens,
        "temperature": question.temperature,
        "seed": question.seed,
        "stream": False,
    }
    if question.schema is not None:
        schema = {"name": "answer", "schema": dict(question.schema)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked


def message(turn: Turn, pictures: Sequence[str]) -> dict[str, Any]:
    """Return one turn; what is shown stands before the text."""
    if not turn.shows:
        return {"role": turn.role, "content": turn.text}
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return {"role": turn.role, "content": [*shown, {"type": "text", "text": turn.text}]}


def encoded(clip: Clip, quality: int) -> list[str]:
    """Return every frame of a clip as the address of its own JPEG."""
    found = []
    for frame in clip.frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=0)
        found.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    return found


def asked_wait(headers: Mapping[str, str], otherwise: float) -> float:
    """Return how long a server asks to wait, in seconds."""
    text = headers.get("retry-after", "")
    return min(LONGEST_WAIT_S, float(text)) if text.isdecimal() else otherwise


def count(value: object) -> int:
    """Return a number of tokens, 0 for anything that is none."""
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0

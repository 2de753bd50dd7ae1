"""Settings that image generators leave in text fields: prompts, samplers, seeds, node graphs.

A trace counts by its structure, parsed from a field of its own: the parameter line of the Stable
Diffusion web UIs, the JSON of ComfyUI, InvokeAI, NovelAI, SwarmUI, Fooocus, Draw Things and Easy
Diffusion, Midjourney's job number, the content label of China's GB 45438. A word in a caption is
no trace.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

LARGEST_TEXT = 2 << 20
LONGEST_LINE = 4000  # characters that a pattern may backtrack over
_PAIR = re.compile(r'\s*([A-Za-z][\w /]{0,40}):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_STEPS = re.compile(r"(?:^|\n)[ \t]*(Steps: \d{1,5},[^\n]*)")
_DREAM = re.compile(r'".*"\s+-s\s?\d+\s.*-S\s?-?\d+', re.DOTALL)
_JOB = re.compile(
    r"Job ID:\s*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_OPENAI = re.compile(r"OpenAI--ImageGeneration--generation-\w+|Made with OpenAI Labs")
_GROK = re.compile(r"Signature: [A-Za-z0-9+/=]{64,}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Trace(NamedTuple):
    """tool: the program that leaves such a field. key: the field. detail: a few parsed values."""

    tool: str
    key: str
    detail: Mapping[str, str]


Json = Mapping[str, object]


def find_traces(fields: Iterable[tuple[str, str]]) -> list[Trace]:
    """Recognise generator settings in (key, text) fields, each tool at most once."""
    kept = [(key, text[:LARGEST_TEXT]) for key, text in fields if text]
    lower = {key.lower(): text for key, text in kept}
    found: dict[str, Trace] = {}
    for key, text in kept:
        trace = _trace_of(key, text, lower)
        if trace is not None:
            found.setdefault(trace.tool, trace)
    grok = _grok(lower)
    if grok is not None:
        found.setdefault(grok.tool, grok)
    return list(found.values())


def _trace_of(key: str, text: str, fields: Mapping[str, str]) -> Trace | None:
    if text.lstrip()[:1] == "{":
        content = parse_json(text)
        if content is not None:
            return _from_json(key, content)
    if key.lower() == "dream" and _DREAM.match(text[:LONGEST_LINE]):
        return Trace("InvokeAI", key, {})
    if _JOB.search(text):
        return Trace("Midjourney", key, {})
    if _OPENAI.match(text.strip("\0 ")):
        return Trace("DALL-E (OpenAI)", key, {})
    settings = parameter_line(text)
    if settings:
        return Trace(_web_ui(settings, fields), key, _chosen(settings))
    return None


def parse_json(text: str) -> Json | None:
    """Parse a JSON object; None for anything else, or when nested absurdly deep."""
    try:
        content = json.loads(text.strip("\0 \r\n"))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def parameter_line(text: str) -> dict[str, str]:
    """Parse "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, ..."; {} when it is none.

    At least two further settings have to stand in the same line, so that prose does not match.
    """
    lines = _STEPS.findall(text)
    if not lines:
        return {}
    settings = {
        pair.group(1).strip().lower(): pair.group(2).strip(' "')
        for pair in _PAIR.finditer(lines[-1][:LONGEST_LINE])  # a prompt may quote an earlier one
    }
    known = {"sampler", "cfg scale", "seed", "size", "model", "model hash", "guidance scale"}
    return settings if len(known & settings.keys()) >= 2 else {}


def _web_ui(settings: Mapping[str, str], fields: Mapping[str, str]) -> str:
    version = settings.get("version", "").lower()
    if "fooocus" in version or "fooocus_scheme" in fields:
        return "Fooocus"
    if "comfyui" in version:
        return "ComfyUI"
    if version.startswith("f") or "forge" in version:
        return "Stable Diffusion web UI Forge"
    return "Stable Diffusion web UI"


def _chosen(settings: Mapping[str, object]) -> dict[str, str]:
    """Keep the settings a reader can use; prompts stay out, they may name people."""
    wanted = ("model", "model hash", "sampler", "seed", "steps", "version", "size", "base_model")
    kept = {name: settings[name] for name in wanted if name in settings}
    return {name: str(value)[:80] for name, value in kept.items() if not isinstance(value, dict)}


def _from_json(key: str, content: Json) -> Trace | None:
    for tool, matches in _SHAPES:
        if matches(content):
            return Trace(tool, key, _chosen(content))
    return None


def _is_comfy_prompt(content: Json) -> bool:
    nodes = [node for node in content.values() if isinstance(node, dict)]
    return bool(nodes) and all(
        isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
        for node in nodes
    )


def _is_comfy_workflow(content: Json) -> bool:
    nodes = content.get("nodes")
    return (
        isinstance(nodes, list)
        and "links" in content
        and bool(nodes)
        and all(isinstance(node, dict) and "type" in node for node in nodes)
    )


def _has(*names: str) -> Callable[[Json], bool]:
    """A test for objects that hold every name."""
    return lambda content: all(name in content for name in names)


def _is_invoke(content: Json) -> bool:
    inner = content.get("image")
    old = isinstance(inner, dict) and "model_weights" in content and "sampler" in inner
    new = "positive_prompt" in content and bool(
        {"generation_mode", "app_version", "cfg_scale"} & content.keys()
    )
    return old or new or ("app_id" in content and "invoke-ai" in str(content["app_id"]))


def _is_labelled(content: Json) -> bool:
    """The label of GB 45438: 1 is generated, 2 and 3 are likely and suspected."""
    inner = content.get("AIGC", content)
    if isinstance(inner, str):
        inner = parse_json(inner) or {}
    return isinstance(inner, dict) and (
        str(inner.get("Label", "")) in ("1", "2", "3")
        and bool({"ContentProducer", "ProduceID"} & inner.keys())
    )


_SHAPES: tuple[tuple[str, Callable[[Json], bool]], ...] = (
    ("SwarmUI", _has("sui_image_params")),
    ("ComfyUI", _is_comfy_prompt),
    ("ComfyUI", _is_comfy_workflow),
    ("InvokeAI", _is_invoke),
    ("Easy Diffusion", _has("use_stable_diffusion_model", "sampler_name", "seed")),
    ("Easy Diffusion", _has("Stable Diffusion model", "Sampler", "Seed")),
    ("Fooocus", _has("base_model", "performance", "sampler", "seed")),
    ("Fooocus", _has("metadata_scheme", "prompt", "seed")),
    ("NovelAI", _has("prompt", "steps", "sampler", "seed", "uc")),
    ("NovelAI", _has("prompt", "steps", "sampler", "seed", "request_type")),
    ("Draw Things", _has("c", "uc", "sampler", "seed", "steps")),
    ("a Chinese service (GB 45438 label)", _is_labelled),
)


def _grok(fields: Mapping[str, str]) -> Trace | None:
    """Grok signs the description and puts a random number where the artist would stand."""
    signed = _GROK.fullmatch(fields.get("imagedescription", "").strip())
    return (
        Trace("Grok (xAI)", "ImageDescription", {})
        if signed and _UUID.fullmatch(fields.get("artist", "").strip())
        else None
    )


def easy_diffusion_keys(fields: Iterable[tuple[str, str]]) -> Trace | None:
    """Easy Diffusion also writes each setting as a text field of its own."""
    keys = {key.lower().replace(" ", "_") for key, _ in fields}
    wanted = {"prompt", "seed", "num_inference_steps", "guidance_scale"}
    return Trace("Easy Diffusion", "text fields", {}) if wanted <= keys else None

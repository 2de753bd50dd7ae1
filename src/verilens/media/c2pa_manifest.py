"""Content Credentials: C2PA manifests, validated offline and put into words.

The library is imported only for a file that carries a manifest. Nothing is fetched while
validating: no remote manifest, no revocation answer, no identity document. "Valid" means that the
signature is intact and the file unchanged since; "Trusted" means in addition that the signer
chains to a certificate of the trust list that VERILENS_C2PA_ANCHORS names (a PEM file).
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from verilens.media.source_types import Extent, source_type
from verilens.media.tools import tool_named
from verilens.records import ProvenanceClaim

logger = logging.getLogger(__name__)

ANCHORS = "VERILENS_C2PA_ANCHORS"
MIME = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmff": "video/mp4",
}
LARGEST_ANCHORS = 4 << 20
DEEPEST_CHAIN = 8
MOST_LISTED = 50
LONGEST = 200
Json = Mapping[str, object]


class Credentials(NamedTuple):
    """summary: what the report shows. claims: what the manifest says. valid: it may be believed."""

    summary: dict[str, object]
    claims: tuple[ProvenanceClaim, ...]
    valid: bool


class Origin(NamedTuple):
    """What one manifest says of the making: ai as in ProvenanceClaim, in words, and how much."""

    ai: bool | None
    words: str
    extent: Extent


def read_credentials(path: Path, container: str) -> Credentials | None:
    """Validate the manifest of a file; None without one, never raises on a damaged one."""
    import c2pa  # loads a native library; only files with a manifest pay for it

    try:
        context = c2pa.Context(c2pa.Settings.from_dict(_settings()))
        with path.open("rb") as file:
            reader = c2pa.Reader.try_create(MIME.get(container), file, context=context)
            if reader is None:
                return None
            with reader:
                state, store = str(reader.get_validation_state()), json.loads(reader.json())
    except (c2pa.C2paError, OSError, ValueError, TypeError, RecursionError) as error:
        return _unreadable(str(error))
    return describe(store, state)


def _settings() -> dict[str, object]:
    settings: dict[str, object] = {
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
    }
    anchors = os.environ.get(ANCHORS)
    if anchors:
        try:
            with open(anchors, encoding="ascii", errors="replace") as file:
                settings["trust"] = {"user_anchors": file.read(LARGEST_ANCHORS)}
        except OSError as error:  # every signer then counts as unknown, which is the safe side
            logger.warning("trust list %s cannot be read: %s", anchors, error)
    return settings


def _unreadable(reason: str) -> Credentials:
    summary = _summary("Unreadable")
    summary["errors"] = [f"the manifest cannot be read: {clean(reason)}"]
    return Credentials(summary, (), False)


def _summary(state: str) -> dict[str, object]:
    return {
        "validation_state": state,
        "issuer": "",
        "signed_at": "",
        "generator": "",
        "actions": [],
        "ingredients": [],
        "errors": [],
    }


def describe(store: Json, state: str) -> Credentials:
    """Put a manifest store, as the library's JSON, into a summary and claims."""
    manifests = _mapping(store.get("manifests"))
    active = _mapping(manifests.get(_text(store.get("active_manifest"))))
    signature = _mapping(active.get("signature_info"))
    summary = _summary(state)
    summary["issuer"] = _text(signature.get("issuer")) or _text(signature.get("common_name"))
    summary["signed_at"] = _text(signature.get("time"))
    summary["generator"] = generator_of(active)
    summary["actions"] = [_action_words(action) for action in _actions(active)][:MOST_LISTED]
    summary["ingredients"] = [
        f"{_text(item.get('title')) or 'untitled'} ({_text(item.get('relationship'))})"
        for item in _items(active.get("ingredients"))
    ][:MOST_LISTED]
    summary["errors"] = _failures(store)
    permissions = _training_rules(active)
    if permissions:
        summary["training_rules"] = permissions
    valid = state in ("Valid", "Trusted")
    return Credentials(summary, (_claim(summary, origin_of(active, manifests), state),), valid)


def _claim(summary: Json, origin: Origin, state: str) -> ProvenanceClaim:
    signer = _text(summary["issuer"]) or "an unnamed signer"
    made = f", made with {summary['generator']}" if summary["generator"] else ""
    detail = {"extent": origin.extent, "signer": signer, "validation_state": state}
    if state == "Trusted":
        lead = f"Signed by {signer} (validated, on the trust list)"
    elif state == "Valid":
        lead = f"Signed in the name of {signer} (signature intact, signer not on a trust list)"
    else:
        lead = f"An invalid manifest in the name of {signer} says"
        captured = origin.ai is False  # a broken seal is no argument for a photograph
        return ProvenanceClaim(
            source="c2pa",
            statement=f"{lead}: {origin.words}{made}",
            ai=None if captured else origin.ai,
            strength="trace",
            detail=detail,
        )
    return ProvenanceClaim(
        source="c2pa",
        statement=f"{lead}: {origin.words}{made}",
        ai=origin.ai,
        strength="signed",
        detail=detail,
    )


def origin_of(manifest: Json, manifests: Json, depth: int = 0) -> Origin:
    """Find out from its actions, metadata and ingredients how a file came to be."""
    found = [*_action_origins(manifest), *_metadata_origins(manifest)]
    for item in _items(manifest.get("ingredients")):
        inner = _mapping(manifests.get(_text(item.get("active_manifest"))))
        if inner and depth < DEEPEST_CHAIN:
            found.append(_inherited(origin_of(inner, manifests, depth + 1), item))
    for wanted in (True, False):
        matching = [origin for origin in found if origin.ai is wanted]
        if matching:
            return max(matching, key=lambda origin: origin.extent == "generated")
    said = [_action_words(action) for action in _actions(manifest)]
    return Origin(
        None, "a history of " + ", ".join(said[:6]) if said else "no word on its making", ""
    )


def _inherited(origin: Origin, ingredient: Json) -> Origin:
    """An ingredient that is the parent passes its origin on; a pasted one is a part."""
    title = _text(ingredient.get("title")) or "untitled"
    if _text(ingredient.get("relationship")) == "parentOf":
        return Origin(origin.ai, f"derived from “{title}”, {origin.words}", origin.extent)
    ai = True if origin.ai else None
    return Origin(ai, f"contains “{title}”, {origin.words}", "edited" if ai else "")


def _action_origins(manifest: Json) -> Iterator[Origin]:
    for action in _actions(manifest):
        name = _text(action.get("action"))
        kind = source_type(_text(action.get("digitalSourceType")))
        tool = tool_named(_agent(action))
        if kind is not None and kind.ai is not None:
            made = kind.extent == "generated" and name in ("c2pa.created", "")
            extent: Extent = "edited" if kind.ai and not made else kind.extent
            words = kind.words if not kind.ai or made else "edited with a generative model"
            yield Origin(kind.ai, words, extent)
        elif tool is not None and tool.kind != "editor":
            made = name == "c2pa.created"
            words = f"{'created' if made else 'edited'} with {tool.name}"
            yield Origin(True, words, "generated" if made else "edited")


def _metadata_origins(manifest: Json) -> Iterator[Origin]:
    """Source types inside signed metadata assertions."""
    for assertion in _items(manifest.get("assertions")):
        for name, value in _mapping(assertion.get("data")).items():
            if name.rpartition(":")[2].lower() == "digitalsourcetype":
                kind = source_type(_text(value))
                if kind is not None:
                    yield Origin(kind.ai, kind.words, kind.extent)


def _actions(manifest: Json) -> list[Json]:
    found: list[Json] = []
    for assertion in _items(manifest.get("assertions")):
        if _text(assertion.get("label")).startswith("c2pa.actions"):
            found += _items(_mapping(assertion.get("data")).get("actions"))
    return found


def _action_words(action: Json) -> str:
    """Name an action with its tool and source, e.g. "created with Firefly (trained...)"."""
    name = _text(action.get("action")).removeprefix("c2pa.") or "an unnamed action"
    agent = _agent(action)
    kind = source_type(_text(action.get("digitalSourceType")))
    words = name + (f" with {agent}" if agent else "")
    return words + (f" ({kind.words})" if kind else "")


def _agent(action: Json) -> str:
    agent = action.get("softwareAgent")
    return _text(agent.get("name")) if isinstance(agent, dict) else _text(agent)


def generator_of(manifest: Json) -> str:
    """Name the program that wrote the claim."""
    for item in _items(manifest.get("claim_generator_info")):
        name, version = _text(item.get("name")), _text(item.get("version"))
        if name:
            return f"{name} {version}".strip()
    return _text(manifest.get("claim_generator")).partition(" ")[0].replace("_", " ")


def _failures(store: Json) -> list[str]:
    """List what failed, in the active manifest first, without the missing trust list."""
    results = _mapping(store.get("validation_results"))
    found = _items(_mapping(results.get("activeManifest")).get("failure"))
    for delta in _items(results.get("ingredientDeltas")):
        found += _items(_mapping(delta.get("validationDeltas")).get("failure"))
    words = (
        f"{_text(item.get('code'))}: {_text(item.get('explanation'))}"
        for item in found
        if item.get("code") != "signingCredential.untrusted"
    )
    return list(dict.fromkeys(words))[:MOST_LISTED]


def _training_rules(manifest: Json) -> str:
    """Say which uses for training the signer allows, in one line."""
    for assertion in _items(manifest.get("assertions")):
        if _text(assertion.get("label")).endswith("training-mining"):
            entries = _mapping(_mapping(assertion.get("data")).get("entries"))
            rules = (
                f"{clean(name).rpartition('.')[2]}: {_text(_mapping(rule).get('use'))}"
                for name, rule in entries.items()
            )
            return ", ".join(rules)[:LONGEST]
    return ""


def clean(text: str) -> str:
    """Make foreign text fit for a sentence: printable, one line, at most 200 characters."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST])
    return " ".join(kept.split())[:LONGEST]


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

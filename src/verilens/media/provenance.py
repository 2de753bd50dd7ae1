"""What a file says of its own origin: manifests, metadata, generator traces, container tags.

Every reader walks the container with bounds and hands back fields; `claims` turns them into
sentences, and this module joins them and names the state. A positive claim is strong evidence.
Silence is "unknown" and proves nothing, because most programs and every social network strip
metadata.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from verilens.media.blocks import Blocks
from verilens.media.c2pa_manifest import Credentials, clean, read_credentials
from verilens.media.claims import (
    Fields,
    collect,
    exif_claims,
    metadata_notes,
    metadata_of,
    source_type_claims,
    tool_claims,
    trace_claims,
    video_claims,
)
from verilens.media.containers import read_blocks
from verilens.media.jpeg import table_words, thumbnail_mismatch
from verilens.media.video_tags import read_video_tags
from verilens.records import Provenance, ProvenanceClaim

State = Literal["ai", "captured", "unknown", "conflict", "invalid"]
STILL_FORMATS = ("BMP", "DIB", "PPM", "ICO", "TGA", "PCX", "JPEG2000")
STILL_BRANDS = ("heic", "heix", "mif1", "msf1", "avif", "avis", "heim", "heis", "hevc")


def provenance(path: Path, media_format: str, picture: Image.Image | None = None) -> Provenance:
    """Give back every claim that `path` makes about its origin; never raises on a damaged file.

    media_format: the decoder's name, e.g. "JPEG" or "mov,mp4". The content decides how the file
    is walked; the name only tells whether it is a video. picture: as the file holds it, to compare
    an embedded thumbnail with.
    """
    try:
        blocks = read_blocks(path)
    except OSError as error:
        return Provenance(notes=(f"metadata cannot be read: {clean(str(error))}",))
    credentials = read_credentials(path, blocks.container) if blocks.c2pa else None
    fields = collect(path, blocks)
    if is_film(blocks, media_format):
        fields.tags.update(read_video_tags(path))
    claims = _claims(fields, credentials)
    notes = [*metadata_notes(fields), *_credential_notes(credentials)]
    if picture and blocks.container == "jpeg" and fields.exif.thumbnail:
        notes += thumbnail_mismatch(picture, fields.exif.thumbnail)
    return Provenance(
        state=state_of(claims, is_invalid=credentials is not None and not credentials.valid),
        claims=tuple(claims),
        c2pa=credentials.summary if credentials else None,
        metadata=metadata_of(fields) | _tables(blocks),
        notes=tuple(notes),
    )


def is_film(blocks: Blocks, media_format: str) -> bool:
    """Tell whether container tags are worth reading through a video library."""
    if blocks.container == "bmff":
        return blocks.tags.get("brand", "").split(" ")[0] not in STILL_BRANDS
    return blocks.container == "other" and media_format.upper() not in STILL_FORMATS


def _claims(fields: Fields, credentials: Credentials | None) -> list[ProvenanceClaim]:
    """Join the claims, strongest first, each statement once."""
    found = [
        *(credentials.claims if credentials else ()),
        *source_type_claims(fields),
        *tool_claims(fields),
        *trace_claims(fields),
        *exif_claims(fields),
        *video_claims(fields),
    ]
    order = ("signed", "declared", "trace")
    unique = {claim.statement: claim for claim in reversed(found)}
    return sorted(reversed(unique.values()), key=lambda claim: order.index(claim.strength))


def _tables(blocks: Blocks) -> dict[str, str]:
    return {"JPEG tables": table_words(blocks.tables[0])} if 0 in blocks.tables else {}


def _credential_notes(credentials: Credentials | None) -> list[str]:
    if credentials is None:
        return []
    errors = credentials.summary.get("errors")
    first = str(errors[0]) if isinstance(errors, list) and errors else ""
    if not credentials.valid:
        reason = first or "validation failed"
        if "hash" in reason.lower() and "mismatch" in reason.lower():
            return [f"The file was changed after its Content Credentials were signed ({reason})."]
        return [f"The Content Credentials are not valid ({reason})."]
    return [f"An earlier step of the Content Credentials fails: {first}."] if first else []


def state_of(claims: Sequence[ProvenanceClaim], *, is_invalid: bool = False) -> State:
    """Name what the claims say together.

    A photograph of which a model made a part is "ai", not a conflict: both claims can be true.
    """
    if is_invalid:
        return "invalid"
    ai = [claim for claim in claims if claim.ai is True]
    is_captured = any(claim.ai is False for claim in claims)
    if ai and is_captured:
        is_part = all(claim.detail.get("extent") == "edited" for claim in ai)
        return "ai" if is_part else "conflict"
    if ai:
        return "ai"
    return "captured" if is_captured else "unknown"

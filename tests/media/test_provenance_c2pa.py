"""Content Credentials: what a signature proves, what tampering does, that nothing is fetched."""

import io
import socket
from pathlib import Path

import numpy as np
import pytest
from film_maker import make_film
from PIL import Image
from signing import SOURCE, Chain, created, make_chain, manifest, sign

from verilens.media.c2pa_manifest import ANCHORS, describe, read_credentials
from verilens.media.provenance import provenance
from verilens.records import Provenance


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain()


def picture(kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(3).integers(0, 255, (72, 96, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def judged(tmp_path: Path, data: bytes, media_format: str = "JPEG") -> Provenance:
    path = tmp_path / "file"
    path.write_bytes(data)
    return provenance(path, media_format)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_signed_ai_picture_is_ai_and_the_unknown_signer_is_said(
    tmp_path: Path, chain: Chain, kind: str
) -> None:
    data = sign(picture(kind), f"image/{kind.lower()}", created("trainedAlgorithmicMedia"), chain)
    found = judged(tmp_path, data, kind)
    assert found.state == "ai"
    (claim,) = found.claims
    assert (claim.source, claim.strength, claim.ai) == ("c2pa", "signed", True)
    assert "created by a generative model" in claim.statement
    assert "not on a trust list" in claim.statement
    assert found.c2pa is not None
    assert found.c2pa["validation_state"] == "Valid"
    assert found.c2pa["issuer"] == "Example Newsroom"
    assert found.c2pa["generator"] == "Example Program 1.0"
    assert found.c2pa["errors"] == []


def test_trust_list_makes_the_signer_trusted(
    tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(chain.root)
    monkeypatch.setenv(ANCHORS, str(anchors))
    data = sign(picture(), "image/jpeg", created("digitalCapture"), chain)
    found = judged(tmp_path, data)
    assert found.state == "captured"
    assert found.claims[0].statement.startswith("Signed by Example Newsroom (validated")
    assert found.c2pa is not None and found.c2pa["validation_state"] == "Trusted"


def test_missing_trust_list_leaves_the_signer_unknown(
    tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ANCHORS, str(tmp_path / "absent.pem"))
    data = sign(picture(), "image/jpeg", created("digitalCapture"), chain)
    found = judged(tmp_path, data)
    assert found.c2pa is not None and found.c2pa["validation_state"] == "Valid"


@pytest.mark.parametrize(
    ("code", "ai"), [("trainedAlgorithmicMedia", True), ("digitalCapture", None)]
)
def test_file_changed_after_signing_is_invalid(
    tmp_path: Path, chain: Chain, code: str, ai: bool | None
) -> None:
    data = bytearray(sign(picture(), "image/jpeg", created(code), chain))
    data[-200] ^= 0x5A
    found = judged(tmp_path, bytes(data))
    assert found.state == "invalid"
    assert any("changed after" in note for note in found.notes)
    (claim,) = found.claims
    assert (claim.strength, claim.ai) == ("trace", ai)
    assert found.c2pa is not None and found.c2pa["errors"]


def test_garbage_in_the_manifest_is_invalid_and_never_raises(tmp_path: Path, chain: Chain) -> None:
    data = bytearray(sign(picture(), "image/jpeg", created("digitalCapture"), chain))
    at = data.find(b"jumb")
    data[at + 80 : at + 900] = np.random.default_rng(0).bytes(820)
    found = judged(tmp_path, bytes(data))
    assert found.state == "invalid"
    assert not any(claim.strength == "signed" for claim in found.claims)
    assert found.c2pa is not None and found.c2pa["errors"]


def test_edit_with_a_model_keeps_the_photograph_behind_it(tmp_path: Path, chain: Chain) -> None:
    photo = sign(picture(), "image/jpeg", created("digitalCapture", "Camera"), chain)
    edit = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE + "compositeWithTrainedAlgorithmicMedia",
        "softwareAgent": "Adobe Firefly",
    }
    data = sign(picture(), "image/jpeg", manifest([edit], "Editor"), chain, parent=photo)
    found = judged(tmp_path, data)
    assert found.state == "ai"
    assert found.claims[0].detail["extent"] == "edited"
    assert found.c2pa is not None
    assert found.c2pa["ingredients"] == ["original (parentOf)"]
    assert any("Adobe Firefly" in action for action in found.c2pa["actions"])  # type: ignore[attr-defined]


def test_capture_is_inherited_from_the_parent(tmp_path: Path, chain: Chain) -> None:
    photo = sign(picture(), "image/jpeg", created("computationalCapture", "Phone"), chain)
    crop = manifest([{"action": "c2pa.cropped"}])
    found = judged(tmp_path, sign(picture(), "image/jpeg", crop, chain, parent=photo))
    assert found.state == "captured"
    assert "derived from" in found.claims[0].statement


def test_signed_film_is_read(tmp_path: Path, chain: Chain) -> None:
    path = tmp_path / "film.mp4"
    make_film(path, count=5)
    data = sign(path.read_bytes(), "video/mp4", created("trainedAlgorithmicMedia"), chain)
    found = judged(tmp_path, data, "mov,mp4")
    assert found.state == "ai"
    assert found.claims[0].strength == "signed"


def test_appended_manifest_bytes_are_not_looked_at(tmp_path: Path, chain: Chain) -> None:
    signed = sign(picture(), "image/jpeg", created("trainedAlgorithmicMedia"), chain)
    found = judged(tmp_path, picture() + signed + b"trainedAlgorithmicMedia c2pa jumb")
    assert found.state == "unknown"
    assert found.c2pa is None


def test_nothing_is_fetched(tmp_path: Path, chain: Chain) -> None:
    """A picture that points to a manifest elsewhere is not followed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa"
        packet = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
            'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
            f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
            "</rdf:RDF></x:xmpmeta>"
        )
        path = tmp_path / "remote.jpg"
        Image.new("RGB", (64, 64)).save(path, xmp=packet.encode())
        assert provenance(path, "JPEG").notes[0].startswith("The file points to Content Cred")
        read_credentials(path, "jpeg")
        with pytest.raises(TimeoutError):
            server.accept()


def test_foreign_text_cannot_break_the_report() -> None:
    store = {
        "active_manifest": "a",
        "manifests": {
            "a": {
                "signature_info": {"issuer": "evil\x1b[31m\nname" + "x" * 5000},
                "assertions": [{"label": "c2pa.actions", "data": {"actions": "no list"}}, 7],
                "ingredients": [{"title": 3, "active_manifest": "a", "relationship": "parentOf"}],
            }
        },
        "validation_results": {"activeManifest": {"failure": [{"code": None}]}},
    }
    found = describe(store, "Valid")
    issuer = str(found.summary["issuer"])
    assert issuer.isprintable() and len(issuer) <= 200

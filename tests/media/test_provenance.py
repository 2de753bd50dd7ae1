"""Metadata of each container, and what the claims say together."""

import io
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pillow_heif
import pytest
from film_maker import make_film
from PIL import Image, PngImagePlugin, TiffImagePlugin

from verilens.media.provenance import provenance, state_of
from verilens.media.source_types import SOURCE_TYPES, source_type
from verilens.media.video_tags import encoder_line, nal_units
from verilens.media.xmp import Property, read_iim, read_photoshop, read_xmp
from verilens.records import ProvenanceClaim

IPTC = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
PHOTOSHOP = 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
CODE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def declared(code: str) -> bytes:
    return packet(f'{IPTC} Iptc4xmpExt:DigitalSourceType="{CODE}{code}"')


def picture(size: tuple[int, int] = (64, 48)) -> Image.Image:
    pixels = np.random.default_rng(2).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def with_packet(xmp: bytes) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return info


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[271], exif[272], exif[305] = "Nikon", "NIKON D90", "Ver.1.00"
    inner = exif.get_ifd(0x8769)
    inner[0x829A], inner[0x829D], inner[0x8827] = 0.004, 8.0, 200
    inner[0x9003], inner[0x927C] = "2019:05:04 03:02:01", b"Nikon\0notes"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def claim(ai: bool | None, extent: str = "generated") -> ProvenanceClaim:
    detail = {"extent": extent}
    return ProvenanceClaim(source="x", statement="x", ai=ai, strength="trace", detail=detail)


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        ([], "unknown"),
        ([claim(None)], "unknown"),
        ([claim(True)], "ai"),
        ([claim(False)], "captured"),
        ([claim(True), claim(False)], "conflict"),
        ([claim(True, "edited"), claim(False)], "ai"),
        ([claim(True, "edited"), claim(True), claim(False)], "conflict"),
    ],
)
def test_state_names_what_claims_say(claims: list[ProvenanceClaim], state: str) -> None:
    assert state_of(claims) == state
    assert state_of(claims, is_invalid=True) == "invalid"


def test_silence_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().save(path, quality=90)
    found = provenance(path, "JPEG")
    assert (found.state, found.claims, found.c2pa, found.notes) == ("unknown", (), None, ())
    assert found.metadata == {"JPEG tables": "standard tables, quality 90"}


def test_camera_is_named_and_its_position_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().save(path, exif=camera_exif())
    found = provenance(path, "JPEG")
    assert found.state == "captured"
    (told,) = found.claims
    assert told.strength == "declared"
    assert told.statement == "EXIF says it was taken with NIKON D90 at 2019:05:04 03:02:01"
    assert found.metadata["maker notes"] == "present"
    assert found.notes == ("A position is recorded in the file; it is not shown here.",)


def test_camera_without_exposure_is_a_trace(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "Canon", "PowerShot"
    path = tmp_path / "a.tif"
    picture().save(path, exif=exif)
    found = provenance(path, "TIFF")
    assert (found.state, found.claims[0].strength) == ("captured", "trace")


def test_camera_and_generator_are_a_conflict(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().save(path, exif=camera_exif(), xmp=declared("trainedAlgorithmicMedia"))
    assert provenance(path, "JPEG").state == "conflict"
    picture().save(path, exif=camera_exif(), xmp=declared("compositeWithTrainedAlgorithmicMedia"))
    assert provenance(path, "JPEG").state == "ai"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif", "a.avif", "a.heic"])
def test_source_type_is_found_in_every_still(tmp_path: Path, name: str) -> None:
    path, xmp = tmp_path / name, declared("trainedAlgorithmicMedia")
    if name.endswith("heic"):
        pillow_heif.from_pillow(picture()).save(path, xmp=xmp)
    elif name.endswith("png"):
        picture().save(path, pnginfo=with_packet(xmp))
    elif name.endswith("gif"):
        picture().save(path)
        trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        block = b"!\xff\x0bXMP DataXMP" + xmp + trailer
        path.write_bytes(path.read_bytes().removesuffix(b";") + block + b";")
    elif name.endswith("tif"):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[700] = xmp
        picture().save(path, tiffinfo=tags)
    else:
        picture().save(path, xmp=xmp)
    found = provenance(path, name[2:].upper())
    assert found.state == "ai"
    assert found.claims[0].source == "iptc"
    assert found.claims[0].statement == "IPTC metadata: created by a generative model"


@pytest.mark.parametrize("name", ["a.avif", "a.heic"])
def test_exif_is_found_in_heic_and_avif(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("heic"):
        pillow_heif.from_pillow(picture()).save(path, exif=camera_exif().tobytes())
    else:
        picture().save(path, exif=camera_exif())
    assert provenance(path, name[2:].upper()).state == "captured"


def test_every_source_type_is_known_in_every_spelling() -> None:
    assert len(SOURCE_TYPES) == 22
    for code in (CODE + "trainedAlgorithmicMedia", "digsrctype:trainedAlgorithmicMedia"):
        kind = source_type(code)
        assert kind is not None and kind.ai is True
    assert source_type("http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits/").ai is None  # type: ignore[union-attr]
    assert source_type("nonsense") is None


def test_credit_and_ai_system_are_claims(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    elements = "<photoshop:Credit>Made with Google AI</photoshop:Credit>"
    picture().save(path, xmp=packet(PHOTOSHOP, elements))
    assert provenance(path, "JPEG").claims[0].statement == "Credit line: “Made with Google AI”"
    elements = "<Iptc4xmpExt:AISystemUsed>Imaginary 2</Iptc4xmpExt:AISystemUsed>"
    picture().save(path, xmp=packet(IPTC, elements))
    assert "Imaginary 2" in provenance(path, "JPEG").claims[0].statement


def test_label_of_gb_45438_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    label = "{&quot;Label&quot;:&quot;1&quot;,&quot;ContentProducer&quot;:&quot;x&quot;}"
    space = 'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"'
    xmp = packet(f'{space} TC260:AIGC="{label}"')
    picture().save(path, pnginfo=with_packet(xmp))
    assert provenance(path, "PNG").state == "ai"


def test_editors_are_told_and_say_nothing_of_ai(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[305] = "Adobe Photoshop 25.0 (Windows)"
    path = tmp_path / "a.jpg"
    picture().save(path, exif=exif)
    found = provenance(path, "JPEG")
    assert found.state == "unknown"
    assert found.claims[0].statement.startswith("Saved or edited with Adobe Photoshop")


def test_xmp_lists_belong_to_their_property_and_entities_are_refused() -> None:
    elements = (
        "<dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></dc:subject>"
    )
    found = read_xmp([packet('xmlns:dc="http://purl.org/dc/elements/1.1/"', elements)])
    assert Property("dc:subject", "two") in found
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    assert read_xmp([bomb, b"", b"<a", b"\xff\xfe<", b"<a>" * 50_000]) == []


def test_iptc_records_are_cut_out_of_photoshop_resources(tmp_path: Path) -> None:
    record = b"\x1c\x02\x6e" + (7).to_bytes(2, "big") + b"Picture"
    block = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    assert read_iim(read_photoshop(b"8BIM\x03\xed\0\0\0\0\0\x02ab" + block) or b"") == {
        "credit": "Picture"
    }
    fields = b"\x1c\x02\x28" + (8).to_bytes(2, "big") + b"FBMD0123"
    block = b"8BIM\x04\x04\0\0" + len(fields).to_bytes(4, "big") + fields
    segment = b"Photoshop 3.0\0" + block
    file = io.BytesIO()
    picture().save(file, "JPEG")
    data = file.getvalue()
    path = tmp_path / "a.jpg"
    path.write_bytes(
        data[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    )
    assert "Facebook" in provenance(path, "JPEG").notes[0]


def test_film_tags_name_the_phone_and_hide_the_position(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["com.apple.quicktime.make"] = "Apple"
        container.metadata["com.apple.quicktime.model"] = "iPhone 12"
        container.metadata["com.apple.quicktime.location.ISO6709"] = "+37.7450-122.4301/"
        _fill(container)
    found = provenance(path, "mov,mp4")
    assert found.state == "captured"
    assert found.claims[0].statement == "Container tags say it was recorded with Apple iPhone 12"
    assert not any("122.4301" in value for value in found.metadata.values())
    assert found.notes == ("A position is recorded in the file; it is not shown here.",)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_film_tags_name_the_generator(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["software"] = "Kling AI 2.0"
        _fill(container)
    found = provenance(path, suffix)
    assert found.state == "ai"
    assert "Kling" in found.claims[0].statement
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["title"] = "Sora and Kling at the lake"
        _fill(container)
    assert provenance(path, suffix).state == "unknown"


def _fill(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    pixels = np.zeros((48, 64, 3), np.uint8)
    container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode())


def test_encoder_line_is_parsed_out_of_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    make_film(path, count=3)
    assert provenance(path, "mov,mp4").metadata["x264"].startswith("x264 - core")


def test_units_are_split_both_ways() -> None:
    assert list(nal_units(b"\0\0\0\x02ab\0\0\0\x01c")) == [b"ab", b"c"]
    assert list(nal_units(b"\0\0\x01ab\0\0\x01c")) == [b"ab", b"c"]
    assert list(nal_units(b"\xff\xff\xff\xffab")) == []
    assert encoder_line(b"\0\0\0\x02\x06\x05", is_hevc=False) == {}


def test_c2pa_is_imported_only_for_files_that_carry_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().save(path)
    code = (
        "import sys, pathlib; from verilens.media.provenance import provenance;"
        f"provenance(pathlib.Path({str(path)!r}), 'JPEG');"
        "assert 'c2pa' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

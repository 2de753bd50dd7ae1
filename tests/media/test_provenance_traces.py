"""Generator settings are recognised by structure, wherever a generator leaves them."""

import json
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from verilens.media.generator_traces import find_traces, parameter_line
from verilens.media.provenance import provenance
from verilens.media.tools import tool_credited, tool_named

LINE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, Model: dreamy_v2"
PROMPT = f"a cat, best quality\nNegative prompt: dog\n{LINE}"
NODE = {"3": {"class_type": "KSampler", "inputs": {"seed": 5}}}
GRAPH = {"nodes": [{"id": 1, "type": "KSampler"}], "links": [], "version": 0.4}
JOB = "a cat --v 6 Job ID: 01234567-89ab-cdef-0123-456789abcdef"

FIELDS = [
    ("parameters", PROMPT, "Stable Diffusion web UI"),
    ("parameters", PROMPT + ", Version: f2.0.1v1.10.1", "Stable Diffusion web UI Forge"),
    ("parameters", PROMPT + ", Version: Fooocus v2.5.0", "Fooocus"),
    ("prompt", json.dumps(NODE), "ComfyUI"),
    ("workflow", json.dumps(GRAPH), "ComfyUI"),
    (
        "invokeai_metadata",
        json.dumps({"positive_prompt": "a cat", "generation_mode": "txt2img", "seed": 1}),
        "InvokeAI",
    ),
    (
        "sd-metadata",
        json.dumps({"model_weights": "v1-5", "image": {"sampler": "k_lms", "seed": 1}}),
        "InvokeAI",
    ),
    ("Dream", '"a cat" -s 50 -S 1234 -W 512 -H 512 -C 7.5 -A k_lms', "InvokeAI"),
    (
        "Comment",
        json.dumps({"prompt": "a cat", "steps": 28, "sampler": "k_euler", "seed": 1, "uc": ""}),
        "NovelAI",
    ),
    ("Description", JOB, "Midjourney"),
    ("parameters", json.dumps({"sui_image_params": {"prompt": "a cat"}}), "SwarmUI"),
    (
        "parameters",
        json.dumps({"base_model": "m", "performance": "Speed", "sampler": "d", "seed": "1"}),
        "Fooocus",
    ),
    (
        "UserComment",
        json.dumps({"c": "a cat", "uc": "", "sampler": "DPM", "seed": 1, "steps": 8}),
        "Draw Things",
    ),
    (
        "metadata",
        json.dumps({"use_stable_diffusion_model": "sd", "sampler_name": "x", "seed": 1}),
        "Easy Diffusion",
    ),
    ("UserComment", "Made with OpenAI Labs", "DALL-E (OpenAI)"),
    (
        "AIGC",
        json.dumps({"Label": "1", "ContentProducer": "0011", "ProduceID": "x"}),
        "a Chinese service (GB 45438 label)",
    ),
]


@pytest.mark.parametrize(("key", "text", "tool"), FIELDS)
def test_trace_names_its_tool(key: str, text: str, tool: str) -> None:
    assert [trace.tool for trace in find_traces([(key, text)])] == [tool]


@pytest.mark.parametrize(
    "text",
    [
        "Steps: 4, then rest. A recipe by Seed and Sons.",
        "I used Stable Diffusion, Midjourney and ComfyUI at the museum",
        '{"prompt": "enter your name", "seed": 3}',
        '{"nodes": 3, "links": []}',
        "{" * 5000,
        '{"a":' * 100_000,
        "Job ID: 42",
        "Steps: 20, Sampler",
    ],
)
def test_prose_and_stray_json_are_no_trace(text: str) -> None:
    assert find_traces([("comment", text), ("prompt", text)]) == []


def test_grok_needs_signature_and_number() -> None:
    signature = ("ImageDescription", "Signature: " + "A" * 88)
    artist = ("Artist", "01234567-89ab-cdef-0123-456789abcdef")
    assert [trace.tool for trace in find_traces([signature, artist])] == ["Grok (xAI)"]
    assert find_traces([signature]) == []


def test_parameter_line_reads_quoted_values() -> None:
    settings = parameter_line(f'x\n{LINE}, Lora hashes: "a: 1, b: 2", Version: v1.9.4')
    assert settings["lora hashes"] == "a: 1, b: 2"
    assert settings["version"] == "v1.9.4"


def test_hostile_text_is_read_in_little_time() -> None:
    for text in ("\n" * 1_000_000, '" -s 1 ' * 100_000, 'Steps: 1,a:"' * 50_000):
        assert find_traces([("Dream", text), ("parameters", text)]) == []


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("Adobe Firefly 3", "Adobe Firefly"),
        ("Midjourney v6", "Midjourney"),
        ("NovelAI", "NovelAI"),
        ("stability.ai", "DreamStudio (Stability AI)"),
        ("AI generated;txt2img;flux", "AI generator (unnamed)"),
        ("OpenAI Sora", "Sora (OpenAI)"),
        ("sora", "Sora (OpenAI)"),
        ("Kling AI 1.6", "Kling"),
        ("Google Veo 3", "Google Veo"),
        ("FaceFusion 3.0", "FaceFusion"),
        ("Adobe Photoshop CC 2019 (Macintosh)", "Adobe Photoshop"),
    ],
)
def test_software_tags_name_tools(tag: str, name: str) -> None:
    tool = tool_named(tag)
    assert tool is not None and tool.name == name


@pytest.mark.parametrize(
    "tag",
    [
        "Google", "Lavf58.45.100", "Canon EOS 80D", "Veo Camera", "Sora Tanaka", "Picasa",
        "Version 1.0", "11.2.1", "Imagen Studio Photography", "Runway photographs by Ann",
    ],
)  # fmt: skip
def test_ordinary_names_are_no_generators(tag: str) -> None:
    tool = tool_named(tag)
    assert tool is None or tool.kind == "editor"


def test_credits_open_the_field() -> None:
    found = [tool_credited(text) for text in ("Made with Google AI", "Edited with Google AI")]
    assert [tool.name for tool in found if tool] == ["Google AI", "Google AI"]
    assert tool_credited("A film made with love in Runway") is None


@pytest.mark.parametrize("zipped", [False, True])
def test_png_text_chunks_are_read(tmp_path: Path, zipped: bool) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", PROMPT, zip=zipped)
    path = tmp_path / "a.png"
    Image.new("RGB", (32, 32)).save(path, pnginfo=info)
    found = provenance(path, "PNG")
    assert found.state == "ai"
    (claim,) = found.claims
    assert (claim.source, claim.strength) == ("png-text", "trace")
    assert claim.detail["model"] == "dreamy_v2"
    assert "cat" not in claim.statement


@pytest.mark.parametrize(
    "prefix", [b"ASCII\0\0\0", b"UNICODE\0", b"UNICODE\0big", b"JIS\0\0\0\0\0", b""]
)
@pytest.mark.parametrize("suffix", ["jpg", "webp", "png"])
def test_user_comment_is_decoded(tmp_path: Path, prefix: bytes, suffix: str) -> None:
    exif = Image.Exif()
    text = PROMPT.encode()
    if prefix.startswith(b"UNICODE"):
        order = "utf-16-be" if prefix.endswith(b"big") else "utf-16-le"
        text = PROMPT.encode(order)
    exif[306] = "2026:01:01 00:00:00"
    exif.get_ifd(0x8769)[0x9286] = prefix[:8] + text
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (32, 32)).save(path, exif=exif)
    found = provenance(path, suffix.upper())
    assert found.state == "ai"
    assert found.claims[0].source == "exif"


def test_easy_diffusion_spreads_its_settings(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for key in ("prompt", "seed", "num_inference_steps", "guidance_scale"):
        info.add_text(key, "1")
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    assert provenance(path, "PNG").state == "ai"


def test_words_behind_the_picture_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (32, 32)).save(path)
    path.write_bytes(path.read_bytes() + PROMPT.encode() + b"trainedAlgorithmicMedia c2pa")
    assert provenance(path, "JPEG").state == "unknown"

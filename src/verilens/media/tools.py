"""Names under which generative tools and editors sign themselves in a software tag.

A name counts only as the value of a tag meant for it, never inside free text: people are called
Sora, cameras are called Veo, and captions mention anything.
"""

import re
from typing import Literal, NamedTuple

ToolKind = Literal["generator", "face-swap", "editor"]


class Tool(NamedTuple):
    """name: how people call it. kind: "generator" makes media, "editor" changes them."""

    name: str
    kind: ToolKind


GENERATORS = {
    "Adobe Firefly": r"(adobe[ _-]?)?firefly\b",
    "AI generator (unnamed)": r"ai[- ]generated\b",
    "AUTOMATIC1111 web UI": r"automatic1111|stable[- ]diffusion[- ]web[- ]?ui",
    "Artbreeder": r"artbreeder",
    "Bing Image Creator": r"bing image creator|image creator (from|in) (microsoft|bing)",
    "Black Forest Labs FLUX": r"black forest labs|flux\.?[12]|flux-(dev|schnell|pro)",
    "ComfyUI": r"comfy ?ui",
    "Craiyon": r"craiyon",
    "DALL-E (OpenAI)": r"dall[-·• ]?e\b|(openai )?gpt-image",
    "ChatGPT (OpenAI)": r"chatgpt|openai(?! ?(sora|whisper))",
    "DiffusionBee": r"diffusion ?bee",
    "Disco Diffusion": r"disco diffusion",
    "Draw Things": r"draw things",
    "DreamStudio (Stability AI)": r"dream ?studio|stability[. -]?ai|stable ?studio",
    "Easy Diffusion": r"easy ?diffusion",
    "Fooocus": r"fooocus",
    "Google Gemini": r"google (gemini|ai studio)|gemini [\d.]+ ?(flash|pro|image)|nano banana",
    "Google Imagen": r"google imagen|imagen [234]\b",
    "Google Veo": r"google veo|veo [123](\.\d)?\b",
    "Grok (xAI)": r"grok( imagine| image|[- ]\d)|xai\b|aurora xai",
    "Hailuo (MiniMax)": r"hailuo|minimax",
    "HeyGen": r"heygen",
    "Ideogram": r"ideogram",
    "InvokeAI": r"invoke ?ai",
    "Jimeng / Seedream (ByteDance)": r"jimeng|seedream|seedance|dreamina|doubao",
    "Kandinsky": r"kandinsky [\d.]+",
    "Kling": r"kling ?(ai|\d)|klingai",
    "Krea": r"krea ?ai|krea\.ai",
    "Leonardo.Ai": r"leonardo\.? ?ai",
    "Luma Dream Machine": r"luma (ai|labs|dream)|dream machine",
    "Meta AI": r"meta ai\b|imagined with ai",
    "Midjourney": r"midjourney",
    "Mochi Diffusion": r"mochi diffusion",
    "NightCafe": r"nightcafe",
    "NovelAI": r"novel ?ai",
    "Pika": r"pika (labs|art|\d)|pika\.art",
    "PixVerse": r"pixverse",
    "Playground AI": r"playground ?ai",
    "Recraft": r"recraft",
    "Runway": r"runway(ml| ai| gen|, inc)|runway gen-?\d",
    "SD.Next": r"sd\.next",
    "Sora (OpenAI)": r"openai sora|sora ?\(openai\)|sora(-?[12]| [12])?$",
    "Stable Diffusion": r"stable[ -]?diffusion|sdxl\b",
    "StyleGAN": r"stylegan",
    "SwarmUI": r"(stable)?swarm ?ui",
    "Synthesia": r"synthesia",
    "D-ID": r"d-id\b",
    "Vidu": r"vidu (ai|\d)",
    "Wan (Alibaba)": r"wan ?2\.\d",
    "Wombo Dream": r"wombo",
}
FACE_SWAPPERS = {
    "DeepFaceLab": r"deepfacelab",
    "FaceApp": r"face ?app\b",
    "FaceFusion": r"facefusion",
    "FaceSwap": r"faceswap\b",
    "Reface": r"reface( app)?$",
    "roop": r"roop\b",
}
EDITORS = {
    "Adobe Lightroom": r"(adobe )?(photoshop )?lightroom",
    "Adobe Photoshop": r"adobe photoshop|photoshop\b|adobe imageready",
    "Adobe Premiere": r"adobe premiere",
    "After Effects": r"adobe after effects",
    "Affinity Photo": r"affinity",
    "Canva": r"canva\b",
    "CapCut": r"capcut|jianying",
    "Capture One": r"capture one",
    "DaVinci Resolve": r"davinci resolve|blackmagic",
    "Final Cut Pro": r"final cut",
    "GIMP": r"gimp\b",
    "InShot": r"inshot",
    "Luminar": r"luminar",
    "PaintShop": r"paint ?shop",
    "Paint.NET": r"paint\.net",
    "Picasa": r"picasa",
    "PicsArt": r"picsart",
    "Pixelmator": r"pixelmator",
    "Remini": r"remini\b",
    "Snapseed": r"snapseed",
    "Topaz": r"topaz (photo|video|gigapixel|labs|denoise|sharpen)",
    "VSCO": r"vsco\b",
}
_TABLES: tuple[tuple[ToolKind, dict[str, str]], ...] = (
    ("generator", GENERATORS),
    ("face-swap", FACE_SWAPPERS),
    ("editor", EDITORS),
)
_PATTERNS = [
    (Tool(name, kind), re.compile(pattern, re.IGNORECASE))
    for kind, table in _TABLES
    for name, pattern in table.items()
]
_MADE_WITH = re.compile(
    r"\s*(?:made|created|generated|imagined|edited)\s+(?:with|by|in|using)\s+(.{2,80})",
    re.IGNORECASE | re.DOTALL,
)
LONGEST_TAG = 200


def tool_named(tag: str) -> Tool | None:
    """Recognise a tool that a software tag begins with; None for an unknown or ordinary one."""
    text = tag.strip(" \0\"'\t\r\n")
    if not text or len(text) > LONGEST_TAG:
        return None
    for tool, pattern in _PATTERNS:
        if pattern.match(text):
            return tool
    return None


def tool_credited(text: str) -> Tool | None:
    """Recognise a credit such as "Made with Google AI" that opens a comment or credit field."""
    match = _MADE_WITH.match(text[: 2 * LONGEST_TAG])
    if match is None:
        return None
    rest = match.group(1)
    if re.match(r"google ai\b(?! studio)", rest, re.IGNORECASE):
        return Tool("Google AI", "generator")
    if re.match(r"(generative )?ai\b", rest, re.IGNORECASE):
        return Tool("AI generator (unnamed)", "generator")
    return tool_named(rest)

"""A multimodal model of transformers in a local folder: SmolVLM, Qwen-VL, LLaVA and their like.

Nothing is downloaded and no code of the folder is run. A film is shown as its sampled moments, one
picture each, so that no video decoder is needed beside ours. Answers are decoded greedily unless a
question has a temperature.
"""

import hashlib
import inspect
import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from verilens.errors import MissingExtra, MissingWeights
from verilens.nn.library import transformers
from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer, Asked, Question, outcome_of

OF_SAMPLING = ("temperature", "top_p", "top_k")  # of no use to greedy decoding, and warned of


class LocalModel(Answerer):
    """A model and its processor, on one device."""

    def __init__(self, model: Any, processor: Any, name: str, batch: int = 1) -> None:
        """model, processor: of transformers, e.g. from `opened`."""
        self.name, self.batch = name, batch
        self.identity = f"local {name}"
        self.model = model.eval()
        self.processor = processor
        self._one_at_a_time = threading.Lock()
        tokenizer = processor.tokenizer
        tokenizer.padding_side = "left"  # answers begin where questions end
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token

    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        """Return the model's answer."""
        return self.together([Asked(question, tuple(clips))])[0]

    @torch.inference_mode()
    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Return the answers to several questions; those of equal settings run as one batch."""
        with self._one_at_a_time:
            groups: dict[tuple[int, float, int], list[int]] = {}
            for place, (question, _) in enumerate(asked):
                setting = (question.max_tokens, question.temperature, question.seed)
                groups.setdefault(setting, []).append(place)
            found: dict[int, Answer] = {}
            for places in groups.values():
                found |= zip(places, self._generated([asked[p] for p in places]), strict=True)
            return [found[place] for place in range(len(asked))]

    def _generated(self, asked: Sequence[Asked]) -> list[Answer]:
        begun, question = time.monotonic(), asked[0].question
        inputs = self.inputs(asked)
        torch.manual_seed(question.seed)
        choosing: dict[str, Any] = {"do_sample": False} | dict.fromkeys(OF_SAMPLING)
        if question.temperature > 0:
            choosing = {"do_sample": True, "temperature": question.temperature}
        tokens = self.model.generate(**inputs, max_new_tokens=question.max_tokens, **choosing)
        fresh = tokens[:, inputs["input_ids"].shape[1] :]
        texts = self.processor.tokenizer.batch_decode(fresh, skip_special_tokens=True)
        seconds = (time.monotonic() - begun) / len(asked)
        pad = self.processor.tokenizer.pad_token_id
        lengths = (fresh != pad).sum(1).tolist()
        return [
            Answer(
                text=text,
                outcome=outcome_of(text, "length" if used >= question.max_tokens else ""),
                model=self.name,
                tokens_in=int(mask.sum()),
                tokens_out=used,
                seconds=seconds,
            )
            for text, used, mask in zip(texts, lengths, inputs["attention_mask"], strict=True)
        ]

    def inputs(self, asked: Sequence[Asked]) -> Mapping[str, Tensor]:
        """Return what the model reads: padded tokens and pixels, on its device."""
        texts, shown = [], []
        for question, clips in asked:
            frames = [Image.fromarray(frame) for clip in clips for frame in clip.frames]
            turns = [
                turn(each.role, each.text, len(frames) * each.shows) for each in question.turns
            ]
            texts.append(self.worded(turns))
            shown.append(frames * sum(each.shows for each in question.turns))
        pictures = shown if any(shown) else None
        found = self.processor(text=texts, images=pictures, padding=True, return_tensors="pt")
        return found.to(self.model.device)  # type: ignore[no-any-return]

    def worded(self, turns: list[dict[str, Any]]) -> str:
        """Return a conversation as the model's template writes it."""
        template = getattr(self.processor, "chat_template", None)
        text: str = self.processor.tokenizer.apply_chat_template(
            turns, chat_template=template, add_generation_prompt=True, tokenize=False
        )
        return text


def turn(role: str, text: str, pictures: int) -> dict[str, Any]:
    """Return one turn in the form that chat templates read."""
    shown: list[dict[str, str]] = [{"type": "image"}] * pictures
    return {"role": role, "content": [*shown, {"type": "text", "text": text}]}


def opened(
    folder: Path, device: str = "", batch: int = 1, adapter: Path | None = None
) -> LocalModel:
    """Return the model in a folder that `save_pretrained` or a download left.

    device: e.g. "cuda"; by default a GPU where there is one. adapter: a folder of peft's, laid over
    it. Only safetensors are read. MissingWeights, MissingExtra.
    """
    library = transformers("a local model", "mllm")
    if not (folder / "config.json").is_file():
        raise MissingWeights(f"no transformers model in '{folder}': config.json is missing")
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model = library.AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
        processor = processor_of(folder)
    except (OSError, ValueError, KeyError) as error:
        raise MissingWeights(f"the model in '{folder}' cannot be used: {error}") from error
    if adapter is not None:
        model = adapted(model, adapter)
    found = LocalModel(model.to(where), processor, folder.name, batch)
    found.identity = f"local {fingerprint(folder)} {fingerprint(adapter) if adapter else ''}"
    return found


def processor_of(folder: Path) -> Any:
    """Return the processor in a folder; its pictures are prepared without torchvision."""
    library = transformers("a local model", "mllm")
    told = {"local_files_only": True, "trust_remote_code": False}
    try:
        return library.AutoProcessor.from_pretrained(folder, backend="pil", **told)
    except ImportError as error:
        if "ideo processor" not in str(error):
            raise MissingExtra(f"the processor in '{folder}' needs more: {error}") from error
    # Its part for films needs torchvision; films are shown as pictures here, so it goes without.
    settings = processor_settings(folder)
    kind = stills_only(str(settings.get("processor_class")))
    wanted = inspect.signature(kind.__init__).parameters
    plain = {k: v for k, v in settings.items() if k in wanted and isinstance(v, (int, str))}
    pictures = library.AutoImageProcessor.from_pretrained(folder, backend="pil", **told)
    tokenizer = library.AutoTokenizer.from_pretrained(folder, **told)
    template = tokenizer.chat_template or written_template(folder)
    return kind(pictures, tokenizer, None, **{**plain, "chat_template": template})


def stills_only(name: str) -> Any:
    """Return a processor class of transformers that does without its part for films."""
    from transformers.models.auto.processing_auto import processor_class_from_name

    kind = processor_class_from_name(name)
    if kind is None:
        raise MissingWeights(f"transformers knows no processor '{name}'")

    def check(self: Any, part: str, given: object) -> object:
        return None if given is None else kind.check_argument_for_proper_class(self, part, given)

    return type(name, (kind,), {"check_argument_for_proper_class": check})


def processor_settings(folder: Path) -> dict[str, Any]:
    """Return what a folder says of its processor; MissingWeights when nothing names its class."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if found.get("processor_class"):
                return found
    raise MissingWeights(f"no file in '{folder}' names its processor_class")


def written_template(folder: Path) -> str | None:
    """Return the chat template that lies beside a processor, if any."""
    plain, packed = folder / "chat_template.jinja", folder / "chat_template.json"
    if plain.is_file():
        return plain.read_text(encoding="utf-8")
    if packed.is_file():
        return str(json.loads(packed.read_text(encoding="utf-8"))["chat_template"])
    return None


def adapted(model: Any, adapter: Path) -> Any:
    """Return a model with peft's adapter merged into its weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra("adapters need peft: pip install 'verilens[mllm]'") from error
    if not (adapter / "adapter_model.safetensors").is_file():
        raise MissingWeights(f"no adapter in '{adapter}': adapter_model.safetensors is missing")
    try:
        return PeftModel.from_pretrained(model, adapter, local_files_only=True).merge_and_unload()
    except (OSError, ValueError) as error:
        raise MissingWeights(f"the adapter in '{adapter}' cannot be used: {error}") from error


def fingerprint(folder: Path) -> str:
    """Return a hash of a folder's files by name, size and time, and of its settings' content."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            state = path.stat()
            total.update(f"{path.name} {state.st_size} {state.st_mtime_ns}".encode())
            if path.suffix == ".json" and state.st_size < 1 << 20:
                total.update(path.read_bytes())
    return total.hexdigest()

"""ForgeryTalker: regions and losses by hand, sizes, and a toy that masks and reports."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from toy_portraits import PARTS, drawn, talker, trained

from verilens.batch import ClipBatch
from verilens.bench.metrics import pixel_iou
from verilens.datasets import mmtt
from verilens.datasets.mmtt import REGIONS
from verilens.errors import ConfigError, DatasetError, MissingWeights
from verilens.media.opened import Limits
from verilens.media.sandbox import Decoder
from verilens.records import View
from verilens.verify.forgerytalker import loss, regions
from verilens.verify.forgerytalker.config import Config
from verilens.verify.forgerytalker.model import ForgeryTalker
from verilens.verify.forgerytalker.portraits import Portraits, read, texts_of, written
from verilens.verify.forgerytalker.prompter import Prompter
from verilens.verify.forgerytalker.regions import NAMES, SYNONYMS


def test_every_synonym_names_one_of_21_regions():
    assert len(REGIONS) == 21 == len(set(REGIONS))
    for region, others in SYNONYMS.items():
        for name in (region, *others):
            hot = regions.parsed(f"The {name.upper()} was changed.")
            assert hot.shape == (21,) and hot.sum() == 1, name
            assert REGIONS[int(hot.argmax())] == region
    assert len(NAMES) == 21 + sum(map(len, SYNONYMS.values()))


def test_longer_names_win_and_words_are_whole():
    assert regions.listed(regions.parsed("an eyebrow, no ear ring but a year")) == [
        "ear",
        "eyebrow",
    ]
    assert regions.parsed("nothing here, dear").sum() == 0


def test_the_prompt_lists_exactly_the_regions_above_the_threshold():
    hot = torch.zeros(21)
    hot[[0, 4, 20]] = torch.tensor([0.51, 0.9, 0.5])
    assert regions.prompt(hot.tolist()) == (
        "Suspect regions: eye, nose. What was edited in this face?"
    )
    assert regions.prompt([0.0] * 21).startswith("No region is suspect.")


def test_masks_name_the_regions_they_cover():
    masks = torch.zeros(3, 1, 100, 100)
    masks[0, :, 44:64, 40:60] = 1
    masks[1] = 1
    found = regions.of_masks(masks)
    assert regions.listed(found[0].tolist()) == ["nose"]
    assert set(regions.listed(found[1].tolist())) == set(regions.ATLAS)
    assert regions.caption(found[2].tolist()) == "nothing in this face looks edited."


def test_losses_by_hand():
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    sure = 40 * labels - 20
    assert loss.dice(sure, labels) < 1e-3 and loss.jaccard(sure, labels) < 1e-3
    assert loss.dice(-sure, labels) > 0.5
    logits = torch.randn(2, 3)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    assert loss.focal(logits, labels, gamma=0) == pytest.approx(float(bce), abs=1e-6)
    assert loss.focal(logits, labels) < bce
    zero = torch.zeros(1, 2)
    assert loss.weighted_bce(zero, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(
        np.log(2) * 1.2 / 2
    )
    assert loss.mask_loss(zero, torch.ones(1, 2)).item() == pytest.approx(2 * np.log(2))
    twice = loss.mask_loss(20 * torch.ones(1, 2), torch.ones(1, 2), twice=True).item()
    assert twice == pytest.approx(2 * np.log(1 + np.exp(-1)), abs=1e-5)  # it can go no lower


def test_the_prompter_is_a_vit_h_14():
    with torch.device("meta"):
        count = sum(p.numel() for p in Prompter(Config(branches=False)).parameters())
    assert count == pytest.approx(632e6, rel=0.01)


def test_the_paper_sizes():
    with torch.device("meta"):
        method = ForgeryTalker()
    each = {
        "vision": method.reporter.vision, "reader": method.reporter.reader,
        "language": method.reporter.language,
    }  # fmt: skip
    weights = {name: sum(p.numel() for p in part.parameters()) for name, part in each.items()}
    lora = sum(p.numel() for n, p in method.named_parameters() if "lora_" in n)
    assert weights["vision"] - lora == pytest.approx(986e6, rel=0.01)  # EVA-ViT-g
    assert weights["reader"] == pytest.approx(186e6, rel=0.02)
    assert weights["language"] == pytest.approx(2.85e9, rel=0.01)  # Flan-T5-XL
    assert not any(p.requires_grad for p in method.reporter.language.parameters())
    assert {n for n, p in method.reporter.vision.named_parameters() if p.requires_grad} == {
        n for n, _ in method.reporter.vision.named_parameters() if "lora_" in n
    }


def test_a_plain_batch_is_taught_by_sentences_of_its_masks():
    method = talker().train()
    data = drawn(3, seed=0)
    given = {"frames": data.frames[:, None], "labels": torch.ones(3), "masks": data.masks[:, None]}
    plain = method.training_step(ClipBatch(**given))
    assert set(plain.parts) == {"regions", "words", "mask", "gate"}
    told = Portraits(
        **given, regions=data.regions, captions=written(["the hair looks edited."] * 3)
    )
    assert method.training_step(told).parts["words"] != plain.parts["words"]


def test_captions_travel_as_numbers():
    texts = ["the nose", "", "Größe 大"]
    batch = Portraits(
        frames=torch.zeros(3, 1, 3, 8, 8), labels=torch.zeros(3), regions=torch.zeros(3, 21),
        captions=written(texts),
    )  # fmt: skip
    assert texts_of(batch.to(torch.device("cpu")).captions) == texts
    assert [t for part in batch.split(3) for t in texts_of(part.captions)] == texts


def test_the_papers_data_set_is_read_into_batches(tmp_path):
    mmtt.fake(tmp_path)
    samples = list(mmtt.samples(tmp_path, "train"))
    method = ForgeryTalker(Config.tiny())
    with Decoder(Limits()) as decoder:
        batch = read(samples, method.config.view, decoder)
        with pytest.raises(DatasetError, match="mask"):
            read([replace(samples[0], mask="")], method.config.view, decoder)
    assert batch.frames.shape == (2, 1, 3, 32, 32) and batch.masks.shape == (2, 1, 1, 32, 32)
    assert 0.1 < batch.masks.mean() < 0.5
    assert regions.listed(batch.regions[0].tolist()) == ["nose"]
    assert texts_of(batch.captions) == [s.text for s in samples]
    assert torch.isfinite(method.train().training_step(batch).total)


def test_impossible_settings_and_a_missing_base_are_named():
    with pytest.raises(ConfigError, match=r"view\.size"):
        Config(view=View(size=100))
    with pytest.raises(MissingWeights, match="nowhere"):
        ForgeryTalker(Config(base="nowhere"))


@pytest.mark.slow
def test_edited_parts_are_masked_and_named():
    method = trained(steps=220)
    data = drawn(140, seed=9)
    with torch.inference_mode():
        found = method.seen(data.frames)
    masks = torch.nn.functional.interpolate(found.mask.sigmoid(), (64, 64)).numpy()[:, 0]
    truth = data.masks.numpy()[:, 0]
    iou = np.mean([pixel_iou(a, b) for a, b in zip(masks, truth, strict=True)])
    centre = np.zeros((64, 64))
    centre[20:44, 20:44] = 1
    baseline = np.mean([pixel_iou(centre, b) for b in truth])
    columns = [REGIONS.index(part) for part in PARTS]
    named = (found.regions.last.sigmoid() > 0.5).numpy()[:, columns]
    macro = f1_score(data.regions.numpy()[:, columns], named, average="macro", zero_division=0)
    reports = method.report(data.frames)
    right = np.mean([part in text for part, text in zip(data.parts, reports, strict=True)])
    majority = max(data.parts.count(part) for part in PARTS) / len(data.parts)
    print(f"IoU {iou:.3f} (centre box {baseline:.3f}), macro F1 {macro:.3f}, named {right:.3f} "
          f"(majority {majority:.3f}); e.g. {reports[0]!r}")  # fmt: skip
    assert iou >= 0.5 and baseline <= 0.25
    assert macro >= 0.8
    assert right >= 0.8 and majority <= 0.2

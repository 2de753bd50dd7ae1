"""Tables read well in three languages, and the page works without a network or loose styles."""

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns, compare, plots, table
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.score import Settings, score

SETTINGS = Settings(
    plan=Plan(draws=50), by=("generator",), measures=("auc", "tpr@1", "eer"), worst=2
)


def toy(method, seed, count=120):
    rng = np.random.default_rng(seed)
    rows = [
        Prediction(
            id=str(n),
            label=n % 2,
            score=float(1 / (1 + np.exp(-rng.normal(2 * (n % 2) - 1)))),
            generator=f"gen_{n // 2 % 3}|<b>" if n % 2 else "",
            attributes={"perturbation": "jpeg" if n % 4 > 1 else "", "severity": str(n % 4 // 2)},
        )
        for n in range(count)
    ]
    rows.append(Prediction(id="lost", label=0, score=None, error="crashed"))
    return columns.of(rows, Path(f"{method}.parquet"), method, {"weights": "sha256 of <i>"})


@pytest.fixture(scope="module")
def files():
    return [toy("npr", 0), toy("fine_net", 1)]


@pytest.fixture(scope="module")
def scored(files):
    return score(files, SETTINGS)


def test_markdown_is_one_grid_and_says_what_is_missing(scored):
    text = table.markdown(scored)
    grid = [line for line in text.splitlines() if line.startswith("| ")]
    first = [line for line in grid if line.count(" | ") == 7]
    assert len(first) == 2 + 2 * (1 + 3 + 1 + 1)
    auc = next(scored.of("overall")).cells["auc"]
    assert f"| npr | all | 60 | 60 | 1 | {auc.value:.3f} [{auc.low:.3f}–{auc.high:.3f}]" in text
    assert r"gen\_0\|\<b>" in text
    assert "npr: 1 of 121 samples have no score" in text
    assert "TPR at 1 % FPR is undefined: needs 100 genuine samples, there are 60" in text
    assert "50 draws" in text


def test_a_comparison_in_markdown(files):
    text = table.compared(compare.compare(files, "auc", SETTINGS))
    assert r"| npr | fine\_net | " in text
    assert "on 60 fakes and 60 genuine samples that all methods scored" in text
    assert "npr: 1 samples left out" in text


def test_latex_escapes_and_sets_the_best_in_bold(scored):
    text = table.latex(scored)
    assert text.startswith(r"\begin{tabular}{llrrrrrr}")
    assert r"fine\_net" in text
    assert r"TPR at 1 \% FPR" in text
    assert len(re.findall(r"\\textbf", text)) >= 2
    body = text[: text.index(r"\end{tabular}")]
    assert not re.search(r"(?<!\\)[%#_]", body)


def test_the_page_is_whole_safe_and_the_same_each_time(scored):
    when = datetime(2026, 1, 2, tzinfo=UTC)
    page = table.html(scored, made_at=when)
    assert page == table.html(scored, made_at=when)
    assert "<b>" not in page.replace("&lt;b&gt;", "")
    assert "sha256 of &lt;i&gt;" in page
    for name in ("ROC", "DET", "Reliability", "AUC by generator", "Robustness"):
        assert f"<h3>{name}</h3>" in page
    # The Content-Security-Policy lets no style attribute, no handler and no address through.
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    outside = re.findall(r"https?://[^\s\"<]+", page)
    assert all(address.startswith("http://www.w3.org/") for address in outside)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) <= set(ids)


def test_plots_follow_the_theme_and_keep_text(scored):
    for plot in plots.plots(scored):
        assert "var(--line-0)" in plot.svg
        assert "currentColor" in plot.svg
        assert "<text" in plot.svg
        assert "#0a0b" not in plot.svg


def test_many_groups_keep_the_worst(scored):
    rows = [
        row.__class__(**{**vars(row), "name": f"{row.name}{n}"})
        for row in scored.of("group", "npr")
        for n in range(30)
    ]
    many = scored.__class__(**{**vars(scored), "rows": tuple(rows)})
    plot = plots.groups(many, "generator")
    assert "The 30 best are left out" in plot.caption


@pytest.mark.browser
def test_the_page_sorts_and_filters(scored, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    path = tmp_path / "table.html"
    path.write_text(table.html(scored))
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        page.click("thead button >> text=EER")
        column = "rows => rows.map((row) => row.cells[7].dataset.value).filter(Boolean).map(Number)"
        values = page.eval_on_selector_all("#rows tr", column)
        assert values == sorted(values)
        page.fill("#search", "generator: gen_1")
        assert page.inner_text("#shown") == "2 of 12 rows"
        assert said == []
        browser.close()

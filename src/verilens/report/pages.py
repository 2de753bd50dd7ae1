"""A folder of pages that grows while files are scanned.

`Pages` names the views of a file that a page shows, turns their clips into pictures, writes one
page a file, and the index at the end. It keeps nothing in memory between files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from verilens.records import Clip, Report, View
from verilens.report import figures
from verilens.report.html import PREVIEW, Context, Pictures, context, page_name, write_page
from verilens.report.index import EntryFile, entry, write_index

WHOLE = View(size=PREVIEW, frames=8, fit="contain")
THUMBNAILS = View(size=160, frames=12, fit="contain")
NATIVE = View(size=1024, frames=1, fit="native")


class Pages:
    """Pages of one scan and their index in one folder. `add` may be called from many threads.

    Pages of an earlier scan stay in the folder; the index lists those of this one.
    """

    views: Sequence[View] = (WHOLE, THUMBNAILS, NATIVE)

    def __init__(self, folder: Path, shared: Context | None = None, title: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.title = title
        self._shared = shared or context()
        self._entries = EntryFile(folder)
        self._entries.clear()

    def add(self, report: Report, clips: Mapping[View, Clip]) -> None:
        """Write the page of one report and note its row; a view without a clip is left out."""
        shown = pictures(report, clips)
        page = write_page(report, shown, self.folder, self._shared)
        self._entries.append(entry(report, shown.preview, page))

    def address(self, report: Report) -> Path:
        """Return where the page of a report is, or will be."""
        return self.folder / page_name(report)

    def finish(self) -> Path:
        """Write the index over all pages of the folder and return its path."""
        return write_index(
            self._entries, self.folder, title=self.title, made_at=self._shared.made_at
        )


def pictures(report: Report, clips: Mapping[View, Clip]) -> Pictures:
    """Return what a page shows of a file, from the clips of `Pages.views` that there are.

    A video is shown at the sampled moment with the highest score.
    """
    is_video = report.media is not None and report.media.kind != "image"
    whole, small, native = (clips.get(view) for view in Pages.views)
    at = 0 if whole is None else _most_telling(report, whole)
    preview = None if whole is None else whole.frames[at]
    thumbnails: tuple[tuple[float, figures.RGB], ...] = ()
    if is_video and small is not None:
        thumbnails = tuple(zip(small.times_s.tolist(), small.frames, strict=True))
    return Pictures(
        preview=preview,
        preview_s=float(whole.times_s[at]) if whole is not None and is_video else None,
        thumbnails=thumbnails,
        aids=() if native is None else figures.aids(on_grid(native)),
        aids_of="" if native is None else _aids_of(native, is_video),
    )


def _most_telling(report: Report, whole: Clip) -> int:
    scores = [moment for e in report.evidence for moment in e.where.timeline]
    if not scores:
        return len(whole.frames) // 2
    time_s, _ = max(scores, key=lambda moment: moment[1])
    return int(np.abs(whole.times_s - time_s).argmin())


def on_grid(native: Clip) -> figures.RGB:
    """Return the first crop, cut so that it starts on the 8 x 8 grid of the whole picture."""
    left, top = (int(edge) for edge in native.boxes[0, :2])
    frame: figures.RGB = native.frames[0]
    aligned: figures.RGB = frame[-top % 8 :, -left % 8 :]
    return aligned if aligned.size else frame


def _aids_of(native: Clip, is_video: bool) -> str:
    height, width = native.frames.shape[1:3]
    what = f"the frame at {native.times_s[0]:.1f} s" if is_video else "the picture"
    if native.size == (width, height):
        return f"{what} at native resolution"
    return f"the centre of {what}, {width} × {height} pixels at native resolution"

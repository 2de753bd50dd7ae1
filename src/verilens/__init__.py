"""verilens tells whether a picture or a video is genuine, and shows where and why it is not.

    from verilens import scan
    report = scan("photo.jpg")
    print(report.verdict.decision, report.verdict.probability)

Importing this package imports no torch; the first scan does.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verilens.client import Client
    from verilens.records import Report
    from verilens.scanner import scan, scan_many

try:
    __version__ = version("verilens")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Client", "Report", "__version__", "scan", "scan_many"]


def __getattr__(name: str) -> object:
    if name in ("scan", "scan_many"):
        from verilens import scanner

        return getattr(scanner, name)
    if name == "Client":
        from verilens.client import Client

        return Client
    if name == "Report":
        from verilens.records import Report

        return Report
    raise AttributeError(f"module 'verilens' has no attribute {name!r}")

"""The explanation that needs no model: the same report always gives the same sentences."""

from verilens.explain.features import features
from verilens.records import Report
from verilens.report import words


def sentences(report: Report) -> tuple[str, ...]:
    """Return why the verdict is what it is, the verdict first."""
    if report.error:
        return (f"No verdict: {report.error.message}",)
    if report.verdict is None or report.media is None:
        return ("No verdict: the file was not scored.",)
    found = [words.DECISIONS[report.verdict.decision], report.verdict.sentence]
    found += [str(feature) for feature in features(report)]
    if report.media.provenance.state != "unknown":
        found.append(words.provenance(report.media.provenance))
    found += [f"These disagree: {conflict}" for conflict in report.verdict.conflicts]
    limits = dict.fromkeys(limit for item in report.evidence for limit in item.limits)
    found += [f"Mind: {limit}." for limit in limits if not limit.startswith("not counted")]
    return tuple(found)

"""A run as Prometheus metrics, in the text format that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from newscrawl.monitoring.agreement import Agreement
from newscrawl.monitoring.alarms import NAMES


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSnapshot:
    """What the metrics show of an outlet's last run; times are in seconds since the epoch."""

    outlet: str
    finished: float
    succeeded: bool
    last_success: float | None
    "When the last successful run ended; None if there was none."
    next_due: float | None
    seconds: float
    articles: int
    warc_bytes: int
    waiting: int
    pages: Mapping[str, int] = field(default_factory=dict)
    "By outcome: `article`, or the reason of a rejection."
    sources: Mapping[str, int] = field(default_factory=dict)
    "By outcome."
    languages: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    agreement: Agreement = field(default_factory=Agreement)
    "Of the classifier with the outlet's feeds and APIs."
    alarms: Collection[str] = ()
    "Names of the standing alarms."


def render_metrics(run: RunSnapshot) -> bytes:
    registry = CollectorRegistry()
    gauges: list[tuple[str, str, float | None]] = [
        ("run_finished_timestamp_seconds", "When the last run ended.", run.finished),
        ("run_success", "1 where the last run did not fail.", run.succeeded),
        ("last_success_timestamp_seconds", "When a run ended that did not fail.", run.last_success),
        ("next_due_timestamp_seconds", "When the first source or page is due.", run.next_due),
        ("run_seconds", "How long the last run took.", run.seconds),
        ("run_articles", "Articles written in the last run.", run.articles),
        ("run_warc_bytes", "Bytes of WARC written in the last run.", run.warc_bytes),
        ("links_waiting", "Links that the last run left for the next.", run.waiting),
        (
            "run_witness_precision",
            "Share of the text chosen by the classifier that feeds and APIs have too.",
            run.agreement.precision,
        ),
        (
            "run_witness_recall",
            "Share of the text of feeds and APIs that the classifier has chosen.",
            run.agreement.recall,
        ),
    ]
    for name, text, value in gauges:
        if value is not None:
            gauge = Gauge(f"newscrawl_{name}", text, ["outlet"], registry=registry)
            gauge.labels(run.outlet).set(value)
    standing = {name: int(name in run.alarms) for name in NAMES}
    witnesses = {"whole": run.agreement.whole, "partial": run.agreement.partial}
    labelled_gauges = [
        ("run_pages", "Pages of the last run by outcome.", "outcome", run.pages),
        ("run_sources", "Sources asked in the last run by outcome.", "outcome", run.sources),
        ("run_witnesses", "Articles of the last run that a feed or an API has too.", "extent", witnesses),
        ("run_languages", "Articles of the last run by language.", "language", run.languages),
        ("run_responses", "Responses of the last run by HTTP status.", "status", run.statuses),
        ("alarm", "1 where the alarm stands since the last run.", "name", standing),
    ]
    for name, text, label, counts in labelled_gauges:
        gauge = Gauge(f"newscrawl_{name}", text, ["outlet", label], registry=registry)
        for value_of_label, count in counts.items():
            gauge.labels(run.outlet, value_of_label).set(count)
    return generate_latest(registry)

"""What `/metrics` answers: the figures that runs have left, put together, and those of the viewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

METRICS_FOLDER = "metrics"
MAX_FILE_BYTES = 1 << 20


class _RunFiles(Collector):
    """The files of all outlets as one answer, in which each name must be described once."""

    def __init__(self, folder: Path, own: Mapping[str, tuple[str, Mapping[str, float]]]) -> None:
        self._folder = folder
        self._own = own

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for path in sorted(self._folder.glob("*.prom")):
            try:
                if path.stat().st_size > MAX_FILE_BYTES:
                    continue
                found = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue  # a file that is no metrics costs itself alone
            for family in found:
                first = families.setdefault(family.name, family)
                if first is not family:
                    first.samples.extend(family.samples)
        yield from families.values()
        for name, (text, values) in self._own.items():
            labels = ["outlet"] if "" not in values else []
            gauge = GaugeMetricFamily(f"newscrawl_{name}", text, labels=labels)
            for label, value in values.items():
                gauge.add_metric([label] if labels else [], value)
            yield gauge


def render_all_metrics(archives: Path, own: Mapping[str, tuple[str, Mapping[str, float]]]) -> bytes:
    """The text format of Prometheus; `own`: name to its description and its values by outlet, or under ""."""
    registry = CollectorRegistry()
    registry.register(_RunFiles(archives / METRICS_FOLDER, own))
    return generate_latest(registry)

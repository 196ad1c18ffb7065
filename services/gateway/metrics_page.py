"""The counters as Prometheus reads them.

Owns the names. Where OpenTelemetry's conventions for generative AI have one it is used, in
Prometheus' spelling; those names are still marked "Development" there, so they all stand here.
Prometheus' library is imported with this module, at the first scrape: it takes 3 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway.breaker import State
from gateway.metrics import Metrics

MODEL = "gen_ai_request_model"


def metrics_page(metrics: Metrics) -> bytes:
    """The text of `/metrics`, in Prometheus' format 0.0.4."""
    return generate_latest(_Page(metrics))


class _Page(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._queues()
        yield from self._upstreams()
        metrics = self._metrics
        for name, text, spread in (
            ("gen_ai_server_request_duration_seconds", "Whole request", metrics.duration),
            (
                "gen_ai_server_time_to_first_token_seconds",
                "Time to first token of streams",
                metrics.first_token,
            ),
            (
                "gen_ai_server_time_per_output_token_seconds",
                "Inter-token latency of streams, mean of a request",
                metrics.token_gap,
            ),
            ("lectern_queue_wait_seconds", "Time in line for a slot", metrics.queue_wait),
            ("lectern_overhead_seconds", "The gateway's own time", metrics.overhead),
        ):
            yield HistogramMetricFamily(
                name, text, buckets=spread.buckets(), sum_value=spread.total
            )
        yield self._tokens()

    def _tokens(self) -> Metric:
        tokens = HistogramMetricFamily(
            "gen_ai_client_token_usage",
            "Tokens of a request, read (input) and written (output)",
            labels=["gen_ai_token_type", MODEL],
        )
        for labels, spread in self._metrics.tokens.items():
            tokens.add_metric(labels, spread.buckets(), spread.total)
        return tokens

    def _counters(self) -> Iterator[Metric]:
        metrics = self._metrics
        requests = CounterMetricFamily(
            "lectern_requests", "Requests by outcome", labels=["route", "outcome"]
        )
        for labels, count in metrics.requests.items():
            requests.add_metric(labels, count)
        yield requests
        yield CounterMetricFamily(
            "lectern_truncated_answers",
            "Answers cut off by the model server",
            value=metrics.truncated,
        )

    def _queues(self) -> Iterator[Metric]:
        running = GaugeMetricFamily("lectern_slots_running", "Slots in use", labels=[MODEL])
        waiting = GaugeMetricFamily("lectern_queue_waiting", "Requests in line", labels=[MODEL])
        sums: dict[str, tuple[int, int]] = {}  # many models share the name "other"
        for model, queue in self._metrics.queues.items():
            name = self._metrics.label(model)
            before = sums.get(name, (0, 0))
            sums[name] = (before[0] + queue.running, before[1] + queue.waiting)
        for name, (taken, in_line) in sums.items():
            running.add_metric([name], taken)
            waiting.add_metric([name], in_line)
        yield running
        yield waiting

    def _upstreams(self) -> Iterator[Metric]:
        servers, label = self._metrics.upstreams, ["upstream"]
        up = GaugeMetricFamily("lectern_upstream_up", "1 while its breaker is closed", labels=label)
        state = GaugeMetricFamily(
            "lectern_upstream_breaker", "1 for its present state", labels=["upstream", "state"]
        )
        running = GaugeMetricFamily("lectern_upstream_running", "Requests under way", labels=label)
        answered = CounterMetricFamily(
            "lectern_upstream_answers", "Requests that it answered", labels=label
        )
        failed = CounterMetricFamily(
            "lectern_upstream_failures",
            "Requests and checks that it could not answer",
            labels=label,
        )
        for name in servers.names:
            server = servers.one(name)
            up.add_metric([name], server.breaker.closed)
            for each in State:
                state.add_metric([name, each], server.state is each)
            running.add_metric([name], server.running)
            answered.add_metric([name], self._metrics.answered[name])
            failed.add_metric([name], server.failures)
        yield from (up, state, running, answered, failed)

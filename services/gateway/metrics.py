"""What the gateway counts, for Prometheus.

Owns the names. Where OpenTelemetry's conventions for generative AI have one it is used, in
Prometheus' spelling; those names are still marked "Development" there, so they all stand in this
module. Labels are bounded: routes, outcomes, and models that the model server lists.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.admission import Admission
from gateway.visit import Visit

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
MAX_MODELS = 100


class Metrics:
    """The counters of one gateway, in a registry of its own."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._registry = registry = CollectorRegistry()
        self._models: set[str] = set()
        self.requests = Counter(
            "lectern_requests", "Requests by outcome", ["route", "outcome"], registry=registry
        )
        self.tokens = Counter(
            "gen_ai_client_token_usage",
            "Tokens read (input) and written (output)",
            ["gen_ai_token_type", "gen_ai_request_model"],
            registry=registry,
        )
        self.duration = _seconds(
            registry, "gen_ai_server_request_duration_seconds", "Whole request", SECONDS
        )
        self.first_token = _seconds(
            registry, "gen_ai_server_time_to_first_token_seconds", "Time to first token", SECONDS
        )
        self.token_gap = _seconds(
            registry,
            "gen_ai_server_time_per_output_token_seconds",
            "Inter-token latency, mean of a request",
            TOKEN_SECONDS,
        )
        self.queue_wait = _seconds(
            registry, "lectern_queue_wait_seconds", "Time in line for a slot", SECONDS
        )
        self.overhead = _seconds(
            registry, "lectern_overhead_seconds", "The gateway's own time", OVERHEAD_SECONDS
        )
        self.truncated = Counter(
            "lectern_truncated_answers", "Answers cut off by the model server", registry=registry
        )
        self._running = _queue_gauge(registry, "lectern_slots_running", "Slots in use")
        self._waiting = _queue_gauge(registry, "lectern_queue_waiting", "Requests in line")

    def note(self, visit: Visit) -> None:
        """Takes note of a request that has ended."""
        self.requests.labels(visit.route.path, visit.outcome).inc()
        if visit.outcome == "answer_cut_off":
            self.truncated.inc()
        if not visit.opened_at or not visit.route.takes_slot:
            return
        self.duration.observe(visit.ended_at - visit.began)
        self.queue_wait.observe(visit.queue_s)
        self.overhead.observe(visit.overhead_ms / 1000)
        usage, model = visit.usage, self._label(visit.ask.model)
        self.tokens.labels("input", model).inc(usage.prompt_tokens)
        self.tokens.labels("output", model).inc(usage.completion_tokens)
        if visit.first_at is not None:
            self.first_token.observe(visit.first_at - visit.began)
            if visit.last_at is not None and usage.completion_tokens > 1:
                span = visit.last_at - visit.first_at
                self.token_gap.observe(span / (usage.completion_tokens - 1))

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        self._running.clear()
        self._waiting.clear()
        for model, queue in self._admission.queues.items():
            self._running.labels(self._label(model)).set(queue.running)
            self._waiting.labels(self._label(model)).set(queue.waiting)
        return generate_latest(self._registry)

    def _label(self, model: str) -> str:
        """A model's name while there are few of them: callers must not fill the memory."""
        if model not in self._models and len(self._models) < MAX_MODELS:
            self._models.add(model)
        return model if model in self._models else "other"


def _seconds(
    registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]
) -> Histogram:
    return Histogram(name, text, registry=registry, buckets=buckets)


def _queue_gauge(registry: CollectorRegistry, name: str, text: str) -> Gauge:
    return Gauge(name, text, ["gen_ai_request_model"], registry=registry)

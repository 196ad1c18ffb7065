"""The four services: name, package, port variable, health path.

Only names that the Compose file and the services' own settings fix as well; no behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One service. `name` is the Compose name, `package` the one that `python -m` starts."""

    name: str
    package: str
    title: str
    port_variable: str
    default_port: int
    health_path: str


GATEWAY = Service("gateway", "gateway", "Gateway", "GATEWAY_PORT", 8000, "/healthz")
STREAMLIT = Service(
    "streamlit", "streamlit_ui", "Streamlit UI", "STREAMLIT_PORT", 8501, "/_stcore/health"
)
GRADIO = Service("gradio", "gradio_ui", "Gradio UI", "GRADIO_PORT", 7860, "/healthz")
ENGINE = Service("engine", "engine", "Engine", "ENGINE_PORT", 1234, "/healthz")

FRONTS: tuple[Service, ...] = (STREAMLIT, GRADIO, GATEWAY)
ALL: tuple[Service, ...] = (*FRONTS, ENGINE)
BY_NAME: dict[str, Service] = {service.name: service for service in ALL}

"""The gateways that are measured: how each is started, with which key, when it is ready.

Owns one function a contender. All of them check a key, listen on 127.0.0.1 and pass
`/v1/chat/completions` on to the fake model server.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import ROOT, cache_folder, free_port

LITELLM = "litellm[proxy]==1.106.2"
PEER_KEY = "sk-bench-0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Contender:
    """A gateway that can be started: `command` listens on `port` and takes `key`."""

    name: str
    command: list[str]
    port: int
    key: str
    ready_path: str
    env: dict[str, str] = field(default_factory=dict)


Maker = Callable[[int, Path], Contender]


def nginx(upstream: int, folder: Path) -> Contender:
    """nginx with one worker, a key check and kept-alive connections on both sides."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise SystemExit("nginx is needed as the yardstick (for example: apt install nginx-light).")
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX % {"port": port, "upstream": upstream, "dir": folder})
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Contender("nginx", command, port, PEER_KEY, "/")


NGINX = (
    """
daemon off; worker_processes 1; pid %(dir)s/nginx.pid; error_log %(dir)s/nginx-error.log crit;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off; client_body_buffer_size 64k; client_max_body_size 32m;
  client_body_temp_path %(dir)s/body; proxy_temp_path %(dir)s/proxy;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  keepalive_requests 100000000; tcp_nodelay on;
  upstream model { server 127.0.0.1:%(upstream)d; keepalive 2048; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:%(port)d backlog=4096;
    location / {
      if ($http_authorization != "Bearer """
    + PEER_KEY
    + """") { return 401; }
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization ""; proxy_buffering off; proxy_read_timeout 600s;
    }
  }
}
"""
)


def lectern(
    python: str, key_options: str, env: dict[str, str], root: Path = ROOT, name: str = "Lectern"
) -> Maker:
    """The gateway of this repository or of another checkout, with a key made by its command."""

    def make(upstream: int, folder: Path) -> Contender:
        port = free_port()
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(root / "services"),
            "BIND_ADDR": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "GATEWAY_DATA_DIR": str(folder / "data"),
            "LMSTUDIO_URL": f"http://127.0.0.1:{upstream}",
            **env,
        }
        command = [python, "-m", "gateway", "keys", "create", "--name", "bench"]
        command += shlex.split(key_options)
        made = subprocess.run(command, env=own, cwd=root, capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"no key could be made: {made.stderr}")
        key = made.stdout.split()[-1]
        return Contender(name, [python, "-m", "gateway"], port, key, "/healthz", own)

    return make


def other(command: str, key: str, ready_path: str, env: dict[str, str]) -> Maker:
    """Any gateway: `{port}`, `{upstream}` and `{folder}` in the command and values are filled."""

    def make(upstream: int, folder: Path) -> Contender:
        port = free_port()
        values = {"port": port, "upstream": upstream, "folder": folder}
        parts = [part.format(**values) for part in shlex.split(command)]
        filled = {name: value.format(**values) for name, value in env.items()}
        name = Path(parts[0]).name
        return Contender(name, parts, port, key, ready_path, dict(os.environ) | filled)

    return make


def litellm(upstream: int, folder: Path) -> Contender:
    """LiteLLM's proxy with its defaults, one worker, no database, in an environment of its own."""
    home = cache_folder() / "litellm"
    program = home / "bin" / "litellm"
    if not program.exists():
        print(f"Installing {LITELLM} into {home} …", file=sys.stderr)
        venv.create(home)
        pip = [f"{sys.base_prefix}/bin/python3", "-m", "pip", "--python", f"{home}/bin/python"]
        subprocess.run([*pip, "install", "-q", LITELLM], check=True)
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG % {"upstream": upstream, "key": PEER_KEY})
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches its prices when it starts
        "LITELLM_MODE": "PRODUCTION",
    }
    return Contender(
        "LiteLLM", [*command, "--num_workers", "1"], port, PEER_KEY, "/health/liveliness", env
    )


LITELLM_CONFIG = """
model_list:
  - model_name: bench-model
    litellm_params:
      model: openai/bench-model
      api_base: http://127.0.0.1:%(upstream)d/v1
      api_key: none
litellm_settings: {telemetry: false}
general_settings: {master_key: %(key)s}
"""

"""The same question from a program: curl, Python and JavaScript with the live address and model.

Owns the three texts. Every value is written as a literal of its language, so that no prompt can
break out of it. A key is masked unless it is asked for; a picture is cut short.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from chat_client.exchange import shortened
from chat_client.messages import Message
from chat_client.sampling import Sampling
from chat_client.settings import NO_KEY, ChatSettings

MASK = "YOUR_KEY"
EXAMPLE = (Message("user", "What is a token?"),)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program; `language` is the name by which code is highlighted."""

    language: str
    title: str
    code: str


def snippets(
    settings: ChatSettings,
    model: str,
    messages: Sequence[Message] = EXAMPLE,
    sampling: Sampling | None = None,
    *,
    show_key: bool = False,
    base_url: str = "",
) -> list[Snippet]:
    """The three programs, ready to be copied and run.

    `base_url`: where the reader reaches the server, when that is not where this process does
    (host.docker.internal means nothing outside a container).
    """
    root = base_url.rstrip("/").removesuffix("/v1") or settings.root_url
    key = _key(settings, show_key)
    sent = [shortened(message.on_the_wire()) for message in messages]
    arguments = {"model": model, "messages": sent, **(sampling or Sampling()).request()}
    extra = arguments.pop("extra_body", {})
    return [
        Snippet("bash", "curl", _curl(root, key, arguments | extra)),
        Snippet("python", "Python", _python(root, key, arguments, extra)),
        Snippet("javascript", "JavaScript", _javascript(root, key, arguments | extra)),
    ]


def _key(settings: ChatSettings, show_key: bool) -> str:
    if settings.api_key == NO_KEY:
        return ""
    return settings.api_key if show_key else MASK


def _curl(root: str, key: str, body: dict[str, Any]) -> str:
    text = json.dumps(body | {"stream": True}, indent=2, ensure_ascii=False)
    lines = [f"curl --no-buffer {shlex.quote(f'{root}/v1/chat/completions')}"]
    if key:
        lines.append(f"  -H {shlex.quote(f'Authorization: Bearer {key}')}")
    lines.append("  -H 'Content-Type: application/json'")
    lines.append(f"  --data-raw {shlex.quote(text)}")
    return " \\\n".join(lines)


def _python(root: str, key: str, arguments: dict[str, Any], extra: dict[str, Any]) -> str:
    named = arguments | ({"extra_body": extra} if extra else {}) | {"stream": True}
    lines = [f"    {name}={_literal(value)}," for name, value in named.items()]
    return "\n".join(
        [
            "from openai import OpenAI  # pip install openai",
            "",
            f"client = OpenAI(base_url={f'{root}/v1'!r}, api_key={key or NO_KEY!r})",
            "with client.chat.completions.create(",
            *lines,
            ") as stream:",
            "    for chunk in stream:",
            "        if chunk.choices:",
            '            print(chunk.choices[0].delta.content or "", end="", flush=True)',
            "print()",
        ]
    )


def _literal(value: Any) -> str:
    return pformat(value, width=84, sort_dicts=False).replace("\n", "\n    ")


def _javascript(root: str, key: str, body: dict[str, Any]) -> str:
    text = json.dumps(body | {"stream": True}, indent=2, ensure_ascii=False)
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    return f"""\
const response = await fetch({json.dumps(f"{root}/v1/chat/completions")}, {{
  method: "POST",
  headers: {json.dumps(headers)},
  body: JSON.stringify({text}),
}});
if (!response.ok) throw new Error(await response.text());
const decoder = new TextDecoder();
let held = "";
let answer = "";
for await (const bytes of response.body) {{
  const lines = (held + decoder.decode(bytes, {{ stream: true }})).split("\\n");
  held = lines.pop();
  for (const line of lines) {{
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    answer += JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "";
  }}
}}
console.log(answer);"""

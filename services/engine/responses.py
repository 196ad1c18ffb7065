"""/v1/responses: OpenAI's newer API, made from llama.cpp's chat stream.

llama.cpp has the route too, but without stored conversations, log probabilities and most fields of
the response object, all of which LM Studio has. Streams end with `response.completed` (or
`response.incomplete`), without `[DONE]`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import ClassVar

from engine.assembly import Assembly, ChatAssembly
from engine.catalogue import Answering
from engine.conversation import check_options, checked_messages, refuse_images
from engine.dialect import STREAMED, Json, Measured, new_id
from engine.errors import Family
from engine.history import History
from engine.response_input import chat_request, messages_of
from engine.response_output import Output
from engine.wire import Event


class Responses:
    """One request. It is kept in `history` unless the caller says `store: false`."""

    family: ClassVar[Family] = Family.OPENAI
    upstream: ClassVar[str] = "/v1/chat/completions"
    embedding: ClassVar[bool] = False
    assembly: ClassVar[type[Assembly] | None] = ChatAssembly

    def __init__(self, body: Json, history: History) -> None:
        self.body = body
        self.model = str(body.get("model") or "")
        self.stream = body.get("stream") is True
        self.id = new_id("resp_")
        self.created = int(time.time())
        self._history = history
        self._output = Output()
        self._messages: list[Json] = []
        self._finish: str | None = None
        self._counts: Json = {}
        self._cached = self._reasoning = self._number = 0

    def request(self) -> Json:
        before = self._history.before(self.body.get("previous_response_id"))
        self._messages = before + checked_messages(messages_of(self.body.get("input")))
        messages = self._messages
        if self.body.get("instructions"):
            messages = [{"role": "system", "content": self.body["instructions"]}, *messages]
        request = chat_request(self.body, messages) | STREAMED
        check_options(request)
        return request

    def begin(self, answering: Answering) -> None:
        self.model = answering.name
        refuse_images(self._messages, self.model)

    def reply(self, answer: Json) -> Json:
        choice = answer["choices"][0]
        self._note(answer)
        for _ in self._output.add(choice["message"], choice.get("logprobs")):
            pass
        self._reasoning = answer.get("reasoning_tokens", 0)
        self._finish = choice["finish_reason"]
        for _ in self._output.close():
            pass
        return self._finished()

    def start(self) -> Iterable[Event]:
        yield self._event("response.created", {"response": self._response("in_progress")})
        yield self._event("response.in_progress", {"response": self._response("in_progress")})

    def events(self, chunk: Json) -> Iterable[Event]:
        self._note(chunk)
        for choice in chunk.get("choices", ()):
            self._reasoning += "reasoning_content" in choice["delta"]
            self._finish = choice.get("finish_reason") or self._finish
            yield from self._told(self._output.add(choice["delta"], choice.get("logprobs")))

    def end(self) -> Iterable[Event]:
        yield from self._told(self._output.close())
        response = self._finished()
        yield self._event(f"response.{response['status']}", {"response": response})

    def failed(self, message: str) -> Iterable[Event]:
        error = {"code": "server_error", "message": message, "param": None}
        yield self._event("error", error | {"error": {"message": message}})

    def _told(self, events: Iterator[tuple[str, Json]]) -> Iterator[Event]:
        for kind, fields in events:
            yield self._event(kind, fields, tokens=int(kind.endswith(".delta")))

    def _event(self, kind: str, fields: Json, tokens: int = 0) -> Event:
        data = {"type": kind, "sequence_number": self._number} | fields
        self._number += 1
        return Event(data, name=kind, tokens=tokens)

    def _note(self, answer: Json) -> None:
        """Counts and timings come in different chunks, depending on what was asked for."""
        self._counts = answer.get("usage") or self._counts
        self._cached = (
            Measured.of(answer["timings"]).cached if "timings" in answer else self._cached
        )

    def _finished(self) -> Json:
        status = "incomplete" if self._finish == "length" else "completed"
        if self.body.get("store") is not False:
            said: Json = {"role": "assistant", "content": self._output.text}
            said |= {"tool_calls": calls} if (calls := self._output.calls) else {}
            self._history.keep(self.id, [*self._messages, said])
        return self._response(status)

    def _response(self, status: str) -> Json:
        body, done = self.body, status != "in_progress"
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": int(time.time()) if done else None,
            "status": status,
            "incomplete_details": cut,
            "error": None,
            "model": self.model,
            "previous_response_id": body.get("previous_response_id"),
            "instructions": body.get("instructions"),
            "output": self._output.items if done else [],
            "tools": body.get("tools") or [],
            "tool_choice": body.get("tool_choice") or "auto",
            "parallel_tool_calls": True,
            "temperature": body.get("temperature"),
            "top_p": body.get("top_p"),
            "max_output_tokens": body.get("max_output_tokens"),
            "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
            "text": body.get("text") or {"format": {"type": "text"}},
            "store": body.get("store") is not False,
            "metadata": body.get("metadata") or {},
            "usage": self._usage() if done else None,
        }

    def _usage(self) -> Json:
        given = self._counts.get("prompt_tokens", 0)
        made = self._counts.get("completion_tokens", 0)
        return {
            "input_tokens": given,
            "output_tokens": made,
            "total_tokens": given + made,
            "input_tokens_details": {"cached_tokens": self._cached},
            "output_tokens_details": {"reasoning_tokens": self._reasoning},
        }

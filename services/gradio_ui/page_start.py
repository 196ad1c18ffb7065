"""What runs in the browser before Gradio's own scripts do.

Owns: putting it into the page, because Gradio adds a page's own scripts only after its modules have
been loaded. Nothing of it shows.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradio_ui.stop_button import SCRIPT as STOP

# Gradio's sign of loading takes this function when its module is loaded and counts seconds with it
# at every picture of the screen, for ever if it is taken away before the loading has ended, as the
# one of the start is: a page that nobody touches kept a twentieth of a core busy. From `AT_REST`
# on, who took it so is called once a second; everybody else has the browser's own.
#
# With each piece of an answer Gradio's parts also set their writing direction to what it is, and
# the browser then works out the style of all that they hold anew: of the whole conversation.
SCRIPT = """(() => {
  const own = window.requestAnimationFrame;
  let started = false;
  window.requestAnimationFrame = (draw) =>
    started ? setTimeout(() => draw(performance.now()), 1000) : own.call(window, draw);
  window.lecternAtRest = () => {
    started = true;
    window.requestAnimationFrame = own;
  };
  const direction = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "dir");
  Object.defineProperty(HTMLElement.prototype, "dir", {
    ...direction,
    set(value) {
      if (value !== this.dir || value === "auto") direction.set.call(this, value);
    },
  });
})();
"""
AT_REST = "() => window.lecternAtRest()"
HEAD = b"<head>"
START = f"{HEAD.decode()}<script>{SCRIPT}{STOP}</script>".encode()


class PageStart:
    """ASGI middleware that adds the scripts to the page itself and touches nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def send_whole(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = body.replace(HEAD, START, 1)
            headers = MutableHeaders(scope=start)
            if body and "content-length" in headers:
                headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, send_whole)

"""`python -m gradio_ui`: settings from the environment, logs on standard error, SIGTERM ends it."""

from __future__ import annotations

import logging
import os
import sys

from pydantic import ValidationError

from chat_client import ChatSettings
from chat_client.process_end import end_process
from chat_client.settings import settings_problem
from gradio_ui.settings import GradioSettings

log = logging.getLogger("gradio_ui")


def main() -> int:
    """Runs the service; 2 for settings that cannot work, 0 after an ordinary stop."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    log.setLevel(logging.INFO)
    try:
        settings, chat_settings = GradioSettings(), ChatSettings()
    except ValidationError as error:
        print(settings_problem(error), file=sys.stderr)  # noqa: T201
        return 2
    # Gradio reads these when it is imported, which is why the imports below wait.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    if not settings.gradio_mcp:
        # Gradio imports it whenever it is there, which takes a third longer to start and 23 MiB.
        sys.modules["mcp"] = None  # type: ignore[assignment]
    from gradio_ui.app import make_app
    from gradio_ui.server import serve

    app = make_app(settings, chat_settings)
    log.info("Gradio UI on http://%s:%d", settings.bind_addr, settings.gradio_port)
    serve(app, settings)
    return 0


if __name__ == "__main__":
    end_process(main())

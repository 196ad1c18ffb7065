"""The end of a web UI's process.

Owns: that impatience, one more SIGTERM while it ends, makes no crash of a clean end. What has to be
closed before is the caller's matter.
"""

from __future__ import annotations

import logging
import os
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """Ends this process at once with the exit code, its log written.

    Not sys.exit: the interpreter's end puts the default handlers back, and one more SIGTERM would
    then make a crash of it.
    """
    logging.shutdown()
    os._exit(code)

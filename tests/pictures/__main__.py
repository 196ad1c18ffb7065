"""Takes the pictures of docs/pictures/ anew: `make pictures`, or some of them by name.

Owns: the order of the pictures and their files. It writes each picture in light and in dark; a
palette of 256 colours keeps a file small, and nobody sees the difference.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from launch.ports import is_taken
from tests.browser.pages import LAPTOP, PHONE, ColorScheme, visit
from tests.pictures.scene import Scene
from tests.pictures.scenes_gradio import GRADIO
from tests.pictures.scenes_streamlit import STREAMLIT
from tests.pictures.stage import PORTS, Stage, chromium, stage
from tests.running import ROOT

FOLDER = ROOT / "docs" / "pictures"
SCHEMES: tuple[ColorScheme, ...] = ("light", "dark")
LANDING = Scene("landing", lambda at: f"{at.gateway.url}/", lambda _: None)
SCENES = (LANDING, *STREAMLIT, *GRADIO)


def take(browser: Browser, scene: Scene, at: Stage, scheme: ColorScheme) -> Path:
    """Plays one scene and writes its picture."""
    size = PHONE if scene.phone else LAPTOP
    at.clear()
    with visit(browser, scene.url(at), size, scheme, stored=scene.stored) as visited:
        scene.play(visited.page)
        visited.page.mouse.move(2, size[1] // 2)  # over nothing that lights up
        seen = visited.page.screenshot(animations="disabled", caret="hide")
    file = FOLDER / f"{scene.name}-{scheme}.png"
    picture = Image.open(io.BytesIO(seen)).convert("RGB").quantize(256)
    picture.save(file, optimize=True)
    return file


def main(names: Sequence[str]) -> int:
    """Takes those scenes, or all; 2 for a name that there is not, 1 for a port in use."""
    known = {scene.name: scene for scene in SCENES}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no picture {unknown[0]!r}. There are: {', '.join(known)}.")
        return 2
    busy = [port for port in PORTS.values() if is_taken(port, "127.0.0.1")]
    if busy:
        print(f"Port {busy[0]} is in use. `make down` ends a Lectern that runs.")
        return 1
    with stage() as at, chromium() as browser:
        for name in names or known:
            for scheme in SCHEMES:
                file = take(browser, known[name], at, scheme)
                print(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

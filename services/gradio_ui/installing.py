"""What makes the page an app that a phone or a desktop can install: its manifest and its icons.

Owns the two routes. Gradio has a manifest of its own without description, colours and the square
icons that phones ask for; these routes stand before it. Nothing works offline: the model does not.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, JSONResponse

FOLDER = Path(__file__).parent
PAPER, WOOD = "#FBFAF7", "#B4532A"
ICONS = {
    "icon-192.png": ("192x192", "any"),
    "icon-512.png": ("512x512", "any"),
    "icon-maskable-512.png": ("512x512", "maskable"),
}
MANIFEST = {
    "id": "/",
    "name": "Lectern",
    "short_name": "Lectern",
    "description": "Chat with the language model that runs on this machine.",
    "lang": "en",
    "start_url": "/",
    "scope": "/",
    "display": "standalone",
    "background_color": PAPER,
    "theme_color": WOOD,
    "icons": [
        {"src": f"/icons/{name}", "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, (sizes, purpose) in ICONS.items()
    ],
}
# For phones that read no manifest.
HEAD = (
    '<link rel="apple-touch-icon" href="/icons/icon-192.png">'
    '<meta name="apple-mobile-web-app-title" content="Lectern">'
    '<meta name="theme-color" media="(prefers-color-scheme: light)" content="#FBFAF7">'
    '<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#14181D">'
)


def offer_installing(app: FastAPI) -> None:
    """Adds the routes; call it before Gradio is mounted."""
    app.get("/manifest.json")(_manifest)
    app.get("/icons/{name}")(_icon)


async def _manifest() -> JSONResponse:
    return JSONResponse(MANIFEST, media_type="application/manifest+json")


async def _icon(name: str) -> FileResponse:
    if name not in ICONS:
        raise HTTPException(404, "There is no such icon.")
    return FileResponse(FOLDER / name, headers={"cache-control": "max-age=86400"})

"""Lectern's look for Gradio: ink on paper with warm wood, by day and by night; system fonts only.

Owns colours and shapes that Gradio's theme variables cover; `style.css` has the rest. Contrast of
text on its ground is at least 4.5 to 1 in both.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).with_name("style.css")
ICON = Path(__file__).with_name("icon.svg")

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

WOOD = gr.themes.Color(
    c50="#FBF1EC",
    c100="#F6E0D6",
    c200="#F0C7B4",
    c300="#F0A37A",
    c400="#DB7F53",
    c500="#B4532A",
    c600="#9C4521",
    c700="#80391C",
    c800="#652E18",
    c900="#4A2213",
    c950="#2E150B",
    name="wood",
)
INK = gr.themes.Color(
    c50="#FBFAF7",
    c100="#F3F1EB",
    c200="#E4E0D6",
    c300="#CFC9BC",
    c400="#9B9A97",
    c500="#66707C",
    c600="#4A5562",
    c700="#37414D",
    c800="#232A32",
    c900="#1B2027",
    c950="#14181D",
    name="ink",
)

# Gradio's variables; a name that ends in _dark holds for the dark scheme.
VALUES = {
    "body_background_fill": "#FBFAF7",
    "body_background_fill_dark": "#14181D",
    "body_text_color": "#1B2430",
    "body_text_color_dark": "#E8E6E1",
    "body_text_color_subdued": "#5A6470",
    "body_text_color_subdued_dark": "#A3A8AE",
    "background_fill_primary": "#FFFFFF",
    "background_fill_primary_dark": "#1B2027",
    "background_fill_secondary": "#F3F1EB",
    "background_fill_secondary_dark": "#1B2027",
    "border_color_primary": "#E4E0D6",
    "border_color_primary_dark": "#323A44",
    "border_color_accent": "#B4532A",
    "border_color_accent_dark": "#F0A37A",
    "color_accent": "#B4532A",
    "color_accent_soft": "#F6E9E1",
    "color_accent_soft_dark": "#2A2622",
    "link_text_color": "#9C4521",
    "link_text_color_dark": "#F0A37A",
    "block_background_fill": "transparent",
    "block_background_fill_dark": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_title_text_weight": "600",
    "block_title_text_color": "#1B2430",
    "block_title_text_color_dark": "#E8E6E1",
    "block_info_text_color": "#5A6470",
    "block_info_text_color_dark": "#A3A8AE",
    "input_background_fill": "#FFFFFF",
    "input_background_fill_dark": "#1B2027",
    "input_border_color": "#CFC9BC",
    "input_border_color_dark": "#3C4651",
    "input_border_color_focus": "#B4532A",
    "input_border_color_focus_dark": "#F0A37A",
    "input_border_width": "1px",
    "input_placeholder_color": "#6B7480",
    "input_placeholder_color_dark": "#8F979F",
    "input_shadow": "none",
    "slider_color": "#B4532A",
    "slider_color_dark": "#F0A37A",
    "button_primary_background_fill": "#B4532A",
    "button_primary_background_fill_dark": "#F0A37A",
    "button_primary_background_fill_hover": "#9C4521",
    "button_primary_background_fill_hover_dark": "#F5BB9B",
    "button_primary_text_color": "#FFFFFF",
    "button_primary_text_color_dark": "#14181D",
    "button_secondary_background_fill": "transparent",
    "button_secondary_background_fill_dark": "transparent",
    "button_secondary_background_fill_hover": "#F3F1EB",
    "button_secondary_background_fill_hover_dark": "#232A32",
    "button_secondary_border_color": "#CFC9BC",
    "button_secondary_border_color_dark": "#3C4651",
    "button_border_width": "1px",
    "code_background_fill": "#F3F1EB",
    "code_background_fill_dark": "#1B2027",
}


def make_theme() -> gr.themes.Base:
    """The theme; both colour schemes in one, the browser's preference decides."""
    theme = gr.themes.Base(
        primary_hue=WOOD,
        secondary_hue=WOOD,
        neutral_hue=INK,
        font=SANS,
        font_mono=MONO,
        radius_size=gr.themes.sizes.radius_lg,
        text_size=gr.themes.sizes.text_md,
    )
    return theme.set(**VALUES)

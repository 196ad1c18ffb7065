"""What the browser has to do itself: a key, a folded panel, files that come by paste and by drop.

Owns: a script that is put into the page once, and nothing that is seen but the frame while a file
is dragged over the page. What becomes of the files is the attachments panel's.
"""

from __future__ import annotations

import streamlit as st

# A file that is pasted or dropped anywhere is handed to the panel's own uploader, so that it is
# checked, counted and shown like any other; the panel is opened for it.
JS = """
const text_field = element => element?.isContentEditable
  || ["INPUT", "TEXTAREA", "SELECT"].includes(element?.tagName);
const uploader = () => document.querySelector('.st-key-attach-panel input[type="file"]');

const opened = async () => {
  if (!uploader()) document.querySelector(".st-key-attach button")?.click();
  for (let tries = 0; tries < 100 && !uploader(); tries++)
    await new Promise(resolve => setTimeout(resolve, 20));
  return uploader();
};

const attach = async files => {
  const input = await opened();
  if (!input) return;
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
};

const with_files = event => [...(event.dataTransfer?.types ?? [])].includes("Files");
const in_uploader = event => event.target.closest?.('[data-testid="stFileUploaderDropzone"]');

const handlers = {
  keydown: event => {
    if (event.key !== "?" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (text_field(event.composedPath()[0])) return;
    event.preventDefault();
    document.querySelector(".st-key-help button")?.click();
  },
  paste: event => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  },
  dragover: event => {
    if (!with_files(event) || in_uploader(event)) return;
    event.preventDefault();
    document.body.classList.add("lectern-drop");
  },
  dragleave: event => {
    if (!event.relatedTarget) document.body.classList.remove("lectern-drop");
  },
  drop: event => {
    document.body.classList.remove("lectern-drop");
    if (!with_files(event) || in_uploader(event)) return;
    event.preventDefault();
    attach([...event.dataTransfer.files]);
  },
};

// A panel that is folded would hide the model picker. The page tells that it is open, not its key:
// that may be pressed before this script is in.
const unfold = () => {
  const button = document.querySelector('[data-testid="stExpandSidebarButton"]');
  if (!button) return;
  // The picker closes at a click elsewhere that reaches the document.
  document.body.addEventListener("click", event => event.stopPropagation(), {once: true});
  button.click();
};

export default function ({data}) {
  if (data.picker_open) unfold();
  for (const [name, handler] of Object.entries(handlers)) document.addEventListener(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers))
      document.removeEventListener(name, handler);
  };
}
"""

_script = st.components.v2.component("browser_part", js=JS)


def browser_part(*, picker_open: bool) -> None:
    """Puts the script into the page; unfolds the panel when the model picker is open."""
    with st.container(key="browser-part"):
        _script(data={"picker_open": picker_open}, key="browser_script")

"""The little JavaScript of the page: what only the browser knows or can do.

Owns the texts; which event runs which of them is `page`'s.
"""

from __future__ import annotations

from pathlib import Path

# On a phone the panels would cover the chat, so they start folded; a wide window opens them.
# A beginner sees the chat; the settings open by themselves for those who have asked for them.
UNFOLD = """() => {
  if (innerWidth < 1100) return;
  const beginner = (localStorage.getItem("lectern-mode") ?? "user") === "user";
  for (const panel of beginner ? ["#chats"] : ["#chats", "#settings"])
    document.querySelector(`${panel}:not(.open) .toggle-button`)?.click();
}"""
KEEP_MODE = """(mode) => { localStorage.setItem("lectern-mode", mode); }"""
LAST_MODE = """() => {
  const mode = localStorage.getItem("lectern-mode");
  return ["user", "power", "developer"].includes(mode) ? mode : "user";
}"""
ENTER = """(session) => [
  session,
  new URLSearchParams(location.search).get("chat") ?? "",
  -new Date().getTimezoneOffset(),
]"""
# The address names the chat, so that a reload or a bookmark finds it again.
NAME_ADDRESS = """(id) => {
  const url = new URL(location.href);
  if ((url.searchParams.get("chat") ?? "") === id) return;
  if (id) url.searchParams.set("chat", id); else url.searchParams.delete("chat");
  history.replaceState(history.state, "", url);
}"""
PLACE = """(session) => [session, new URLSearchParams(location.search).get("place") ?? ""]"""
# On a phone the answers of a round would come below what can be seen.
SHOW_ANSWERS = """() => {
  if (innerWidth < 700) document.querySelector("#prompt").scrollIntoView({ block: "start" });
}"""
NAVIGATION = Path(__file__).with_name("navigation.js").read_text()
CARDS = Path(__file__).with_name("cards.js").read_text()
SHELF = Path(__file__).with_name("shelf.js").read_text()
VERSIONS = Path(__file__).with_name("versions.js").read_text()

"""The little JavaScript of the page: what only the browser knows or can do.

Owns the texts; which event runs which of them is `page`'s.
"""

from __future__ import annotations

import json
from pathlib import Path

from chat_client import ATTACHMENT_TYPES

# On a phone the panels would cover the chat, so they start folded; a wide window opens them.
# A beginner sees the chat; the settings open by themselves for those who have asked for them.
UNFOLD = """() => {
  if (innerWidth < 1100) return;
  const beginner = (localStorage.getItem("lectern-mode") ?? "user") === "user";
  for (const panel of beginner ? ["#chats"] : ["#chats", "#settings"])
    document.querySelector(`${panel}:not(.open) .toggle-button`)?.click();
}"""
KEEP_MODE = """(mode) => {
  localStorage.setItem("lectern-mode", mode);
  document.body.dataset.mode = mode;
}"""
LAST_MODE = """() => {
  const kept = localStorage.getItem("lectern-mode");
  const mode = ["user", "power", "developer"].includes(kept) ? kept : "user";
  document.body.dataset.mode = mode;
  return mode;
}"""
CHOSEN = "(...values) => JSON.stringify(values)"
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
# The tab remembers its round: a reload finds it again, and another tab begins anew.
KEEP_ROUND = """(id) => { if (id) sessionStorage.setItem("lectern-round", id); }"""
LAST_ROUND = """(session) => [session, sessionStorage.getItem("lectern-round") ?? ""]"""
# So it does with who is asked, and how.
KEEP_RULES = """(...rules) => sessionStorage.setItem("lectern-rules", JSON.stringify(rules))"""
LAST_RULES = """(session, kept, ...rules) =>
  [session, sessionStorage.getItem("lectern-rules") ?? "", ...rules]"""
# The hidden box names an export that is ready: the browser fetches it, once.
FETCH = """(key) => {
  if (!key) return;
  const link = document.createElement("a");
  link.href = `files/${encodeURIComponent(key)}`;
  link.download = "";
  link.click();
}"""
# The tour opens by itself until it has been used, left, or a question of one's own was asked; an
# address that names a chat is about that chat.
TOUR_FIRST = """() => ({
  __type__: "update",
  visible: !localStorage.getItem("lectern-tour") &&
    !new URLSearchParams(location.search).get("chat"),
})"""
TOUR_OPEN = """() => {
  document.querySelector("#places a[data-page=chat]").click();
  return [{ __type__: "update", visible: true }, { __type__: "update", selected: 1 }];
}"""
TOUR_BACK = """() => ({
  __type__: "update",
  selected: document.querySelectorAll("#tour [role=tab].completed").length,
})"""
TOUR_NEXT = """() => {
  const steps = document.querySelectorAll("#tour [role=tab]").length;
  const next = document.querySelectorAll("#tour [role=tab].completed").length + 2;
  // It takes the place of Next, which has the focus, a moment later.
  if (next >= steps) setTimeout(() => document.querySelector("#tour-start")?.focus(), 100);
  return { __type__: "update", selected: Math.min(next, steps) };
}"""
TOUR_FOLD = """() => {
  // A phone would raise its keyboard over the page.
  if (matchMedia("(hover: hover)").matches) document.querySelector("#question textarea").focus();
  return { __type__: "update", visible: false };
}"""
TOUR_OWN_CHAT = f"""() => {{
  document.querySelector("#new-chat").click();
  return ({TOUR_FOLD})();
}}"""
TOUR_OWN_QUESTION = """(question) => {
  if (question === undefined || question.trim()) document.querySelector("#tour-skip")?.click();
}"""


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


NAVIGATION = _script("navigation.js")
CARDS = _script("cards.js")
FILES = _script("bring.js") + _script("exchange_files.js")
SHELF = FILES + _script("shelf.js")
TRAY = _script("bring.js") + _script("tray.js").replace(
    "TYPES", json.dumps(",".join(ATTACHMENT_TYPES)), 1
)
KEYS = _script("keys.js")
CONVERSATION = _script("conversation.js")
TOUR = _script("tour.js")
VERSIONS = _script("versions.js")

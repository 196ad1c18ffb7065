// The arrows of "‹ 2/3 ›" are links inside the conversation; a click on one is an event of ours.
document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("#conversation a");
    const found = /^#(?:question|answer)-(m_[A-Za-z0-9_-]+)$/.exec(link?.getAttribute("href") ?? "");
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    trigger("click", { id: found[1] });
  },
  true,
);

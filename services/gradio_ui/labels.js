() => {
  // Gradio draws a button without a name inside another button, and a list of no list items. A
  // screen reader is told better; what a click does stays as it is.
  const mend = () => {
    for (const list of document.querySelectorAll("#conversation .examples[role=list]"))
      list.setAttribute("role", "group");
    for (const title of document.querySelectorAll("#conversation .title[role=button]")) {
      title.removeAttribute("role");
      title.removeAttribute("tabindex");
      title.querySelector("button")?.setAttribute("aria-label", "Details");
    }
  };
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      mend();
    });
  }).observe(document.querySelector("#conversation"), { childList: true, subtree: true });
  mend();
}

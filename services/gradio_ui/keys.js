() => {
  // The keyboard alone is enough: Esc stops, single keys work outside the boxes, ? explains.
  const OFF = "lectern-keys-off";
  const KEYS = [
    ["Enter", "Send the question"],
    ["Shift + Enter", "Start a new line"],
    ["Esc", "Stop what is coming; else leave the question box", () => {}],
    ["/", "Write a question", () => find("#question textarea")?.focus()],
    ["r", "Answer again, with the model and settings chosen now", () => find(RETRY)?.click()],
    ["n", "New chat", () => find("#new-chat")?.click()],
    ["m", "Choose a model", choose_model],
    ["c", "Show or hide the chats", () => find("#chats .toggle-button")?.click()],
    ["s", "Show or hide the settings", () => find("#settings .toggle-button")?.click()],
    ["?", "This help", () => help.showModal()],
  ];
  const RETRY = "#conversation button:is([aria-label='Retry'], [title='Retry'])";
  const TEXT = "textarea, select, [contenteditable=''], [contenteditable='true'], " +
    "input:not([type=radio], [type=checkbox], [type=range], [type=button])";
  const find = (selector) => document.querySelector(selector);

  function choose_model() {
    find("#settings:not(.open) .toggle-button")?.click();
    setTimeout(() => find("#model input")?.focus(), 350); // the panel slides in
  }

  const help = document.createElement("dialog");
  help.id = "help";
  help.setAttribute("aria-labelledby", "help-title");
  const rows = KEYS.map(([key, what]) =>
    `<tr><th scope="row"><kbd>${key}</kbd></th><td>${what}</td></tr>`).join("");
  help.innerHTML = `<form method="dialog"><h2 id="help-title">Keyboard</h2>
    <table><tbody>${rows}</tbody></table>
    <p>The single keys work while you are not writing.</p>
    <label><input type="checkbox"> Single keys on</label>
    <button autofocus>Close</button></form>`;
  document.body.append(help);
  const on = help.querySelector("input");
  on.checked = localStorage.getItem(OFF) !== "yes";
  on.addEventListener("change", () => localStorage.setItem(OFF, on.checked ? "no" : "yes"));
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-help]")) help.showModal();
  });

  // Gradio's own Enter waits for the next picture of the page; its Send does not.
  document.addEventListener("keydown", (event) => {
    const plain = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    const send = plain && event.target.closest?.("#question") && find("#question .submit-button");
    if (!send || event.target === send) return;
    event.preventDefault();
    send.click();
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || find("dialog[open]")) return;
    const writing = event.target.closest?.(TEXT);
    if (event.key === "Escape") {
      const stops = document.querySelectorAll(":is(#question, #prompt) .stop-button");
      const stop = [...stops].find((each) => each.checkVisibility());
      if (stop) stop.click();
      else if (writing?.closest("#question, #prompt")) writing.blur();
      return;
    }
    if (writing || event.ctrlKey || event.metaKey || event.altKey || !on.checked) return;
    const known = KEYS.find(([key, , does]) => key === event.key && does);
    if (!known) return;
    event.preventDefault();
    known[2]();
  });

  // While the page was put together the box was hidden, so that the browser's autofocus missed it.
  if (innerWidth >= 700 && document.activeElement === document.body)
    find("#question textarea")?.focus();
}

// Copy buttons, tabs and actions of the cards. What a person unfolded, scrolled or has in focus stays so
// when a card is drawn again.
const chosen = { tab: "", folds: {}, fields: {}, scrolled: [0, 0], reading: false };

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("copy" in button.dataset) copy(button);
  else if (button.dataset.tab) choose((chosen.tab = button.dataset.tab));
  else if (button.dataset.do) trigger("click", { ...chosen.fields, ...button.dataset });
});

element.addEventListener("input", ({ target }) => {
  chosen.fields[target.name] = target.type === "checkbox" ? target.checked : target.value;
});

element.addEventListener("keydown", (event) => {
  const tab = event.target.closest("[role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tab || !step) return;
  const tabs = [...tab.parentElement.children];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  choose((chosen.tab = next.dataset.tab));
  next.focus();
});

element.addEventListener(
  "toggle",
  (event) => {
    const fold = event.target.dataset?.fold;
    if (fold) chosen.folds[fold] = event.target.open;
  },
  true,
);

element.addEventListener(
  "scroll",
  ({ target }) => {
    if (target.matches(".rows")) chosen.scrolled = [target.scrollLeft, target.scrollTop];
  },
  true,
);

document.addEventListener("focusin", ({ target }) => {
  chosen.reading = element.contains(target) && target.matches(".rows");
});

watch("value", () => {
  const rows = element.querySelector(".rows");
  if (rows) [rows.scrollLeft, rows.scrollTop] = chosen.scrolled;
  if (rows && chosen.reading) rows.focus({ preventScroll: true });
  if (chosen.tab) choose(chosen.tab);
  for (const fold of element.querySelectorAll("[data-fold]"))
    if (fold.dataset.fold in chosen.folds) fold.open = chosen.folds[fold.dataset.fold];
  for (const [name, value] of Object.entries(chosen.fields)) {
    const field = element.querySelector(`[name="${name}"]`);
    if (field?.type === "checkbox") field.checked = value;
    else if (field) field.value = value;
  }
});

function choose(name) {
  for (const tab of element.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
    tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
  }
  for (const panel of element.querySelectorAll("[data-panel]"))
    panel.hidden = panel.dataset.panel !== name;
}

async function copy(button) {
  const text = button.parentElement.querySelector("pre, code").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers give the clipboard to pages of this machine alone; elsewhere the old way still works.
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

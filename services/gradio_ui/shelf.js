// Makes the buttons of the list of chats Gradio's events: "select" opens, "click" does the rest.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const { do: action, id } = button.dataset;
  if (action === "open") open_it(id);
  else if (action === "naming") name_it(button.closest("li"), id);
  else trigger("click", { do: action, id });
});

element.addEventListener("focusout", (event) => {
  const menu = event.target.closest("details[open]");
  if (menu && !menu.contains(event.relatedTarget)) setTimeout(() => (menu.open = false), 150);
});

element.addEventListener("keydown", (event) => {
  const menu = event.target.closest("details[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

function open_it(id) {
  trigger("select", { id });
  // On a phone the list covers the chat that was chosen.
  if (innerWidth < 1100) document.querySelector("#chats.open .toggle-button")?.click();
}

function name_it(row, id) {
  const chat = row.querySelector(".chat");
  const old = chat.querySelector("span").textContent;
  const box = document.createElement("input");
  box.value = old;
  box.maxLength = 200;
  box.setAttribute("aria-label", "New name");
  let open = true;
  const close = (keep) => {
    if (!open) return;
    open = false;
    box.replaceWith(chat);
    const title = box.value.trim();
    if (keep && title && title !== old) trigger("click", { do: "rename", id, title });
    chat.focus();
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") close(true);
    if (event.key === "Escape") close(false);
  });
  box.addEventListener("blur", () => close(true));
  row.querySelector("details").open = false;
  chat.replaceWith(box);
  box.focus();
  box.select();
}

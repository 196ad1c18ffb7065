// Brings files to the page's own route (chosen, pasted or dropped) and tells the handlers their
// keys. Everything else in the tray is an ordinary button.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const { do: action, number } = button.dataset;
  if (action === "attach") choose_files(TYPES, true, bring);
  else if (action === "new-chat") document.querySelector("#new-chat")?.click();
  else trigger("click", { do: action, number: Number(number ?? 0) });
});

document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || !event.target.closest?.("#question")) return;
  event.preventDefault();
  bring(files);
});

const holds_files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const mark = (on) => document.querySelector("#chat-column")?.classList.toggle("dropping", on);
document.addEventListener("dragover", (event) => {
  if (!holds_files(event)) return;
  event.preventDefault();
  mark(true);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) mark(false);
});
document.addEventListener("drop", (event) => {
  if (!holds_files(event)) return;
  event.preventDefault();
  mark(false);
  bring([...event.dataTransfer.files]);
});

async function bring(files) {
  const button = element.querySelector(".attach");
  button?.setAttribute("aria-busy", "true");
  const brought = await Promise.all(files.slice(0, 20).map(bring_file));
  trigger("click", {
    do: "add",
    keys: brought.flatMap(({ key }) => key ?? []),
    problems: brought.flatMap(({ problem }) => problem ?? []),
  });
  document.querySelector("#question textarea")?.focus();
}

// Export and import of what the gateway keeps: "download" asks for a file, "upload" brings one.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-file]");
  if (!button) return;
  const { file: action, id, format } = button.dataset;
  if (action === "export") {
    button.closest("details[open]")?.removeAttribute("open");
    trigger("download", { id: id ?? "", format: format ?? "json" });
  } else {
    choose_files(".json,application/json", false, async ([file]) => {
      if (file) trigger("upload", await bring_file(file));
    });
  }
});

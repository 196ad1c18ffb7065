// Files to and from the page's own routes; nothing else of this page touches them.
async function bring_file(file) {
  try {
    const response = await fetch(`files?name=${encodeURIComponent(file.name)}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: file,
    });
    return await response.json();
  } catch {
    return { problem: `${file.name} could not be brought here. Try again.` };
  }
}

function choose_files(accept, multiple, then) {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = accept;
  chooser.multiple = multiple;
  chooser.addEventListener("change", () => then([...chooser.files]));
  chooser.click();
}

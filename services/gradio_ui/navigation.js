// Switches between the places of the page; the address names the place, so that Back and reload work.
const links = [...element.querySelectorAll("a[data-page]")];
const root = document.documentElement;

function here() {
  const page = new URLSearchParams(location.search).get("place");
  return links.some((link) => link.dataset.page === page) ? page : "chat";
}

function show(page) {
  root.dataset.page = page;
  for (const link of links) {
    const current = link.dataset.page === page;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (current) document.title = page === "chat" ? "Lectern" : `${link.textContent} · Lectern`;
  }
}

element.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-page]");
  // With a modifier key the browser opens a tab or a window of its own.
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.dataset.page === root.dataset.page) return;
  const url = new URL(location.href);
  if (link.dataset.page === "chat") url.searchParams.delete("place");
  else url.searchParams.set("place", link.dataset.page);
  history.pushState({}, "", url);
  show(link.dataset.page);
  scrollTo(0, 0);
  trigger("click", { page: link.dataset.page });
});

addEventListener("popstate", () => {
  if (here() === root.dataset.page) return;
  show(here());
  trigger("click", { page: here() });
});

show(here());

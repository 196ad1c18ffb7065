// Runs when the tour is built in the browser: names for its steps, and when it counts as seen.
const tour = element.closest("#tour");

// In a narrow window Gradio leaves only bars of the steps, which a screen reader could not tell apart.
for (const step of tour.querySelectorAll("[role=tab]"))
  step.setAttribute("aria-label", `Step ${step.textContent.trim()}`);

tour.addEventListener("click", (event) => {
  localStorage.setItem("lectern-tour", "seen");
  if (!event.target.closest("a[href='?place=playground']")) return;
  event.preventDefault();
  document.querySelector("#places a[data-page=playground]").click();
});

// While an answer comes nobody can be asked. The buttons keep the focus, which would else be lost to
// whoever has just pressed one; neither a click nor a key does anything.
const rest = () => {
  const busy = Boolean(document.querySelector("#question .stop-button"));
  for (const ask of tour.querySelectorAll(".tour-asks button"))
    ask.setAttribute("aria-disabled", String(busy));
};
for (const part of [tour, document.querySelector("#question")])
  new MutationObserver(rest).observe(part, { childList: true, subtree: true });
rest();
tour.addEventListener(
  "click",
  (event) => {
    if (!event.target.closest("[aria-disabled=true]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
if (document.activeElement.id === "tour-open") tour.querySelector("[role=tab]").focus();

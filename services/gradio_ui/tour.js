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
if (document.activeElement.id === "tour-open") tour.querySelector("[role=tab]").focus();

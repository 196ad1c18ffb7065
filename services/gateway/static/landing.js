// Keeps the line about the model server true while the page is open.
"use strict";

const SENTENCES = {
  lmstudio: "LM Studio answers.",
  engine: "The bundled engine answers; it stands in for LM Studio.",
  other: "A model server answers.",
};
const EVERY_MS = 5000;

async function refresh() {
  let text = "The gateway does not answer. Is it still running?";
  let good = false;
  try {
    const response = await fetch("/readyz", { cache: "no-store" });
    const state = await response.json();
    good = state.status === "ready";
    const several = state.model_servers;
    text = good && several
      ? `${several.answering} of ${several.of} model servers answer.`
      : SENTENCES[state.model_server] || `No model server answers. ${state.reason || ""}`;
  } catch {
    // The sentence above says it.
  }
  const line = document.getElementById("state");
  line.classList.toggle("good", good);
  line.classList.toggle("away", !good);
  const place = document.getElementById("state-text");
  if (place.textContent.trim() !== text.trim()) place.textContent = text;
}

setInterval(refresh, EVERY_MS);

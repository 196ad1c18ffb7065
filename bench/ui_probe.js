// Runs in the measured page before its own scripts: notes when each marker and the message box
// appear and when Enter and clicks happen. Times are performance.now().
(() => {
  if (window !== top) return;
  const bench = { seen: {}, updates: 0, enter: 0, click: 0, usable: 0 };
  window.lecternBench = bench;
  const marker = /k\d+n\d+/g;
  const look = (text, now) => {
    for (const [word] of text.matchAll(marker)) bench.seen[word] ??= now;
  };
  new MutationObserver((records) => {
    const now = performance.now();
    bench.updates += 1;
    const nodes = new Set();
    for (const record of records) {
      if (record.type === "characterData") nodes.add(record.target);
      else for (const node of record.addedNodes) nodes.add(node);
    }
    for (const node of nodes) look(node.textContent ?? "", now);
  }).observe(document, { subtree: true, childList: true, characterData: true });
  const waiting = new MutationObserver(() => {
    const box = document.querySelector("[data-testid=stChatInput] textarea, #question textarea");
    if (!box || box.disabled || !box.getClientRects().length) return;
    bench.usable = performance.now();
    waiting.disconnect();
  });
  waiting.observe(document, { subtree: true, childList: true, attributes: true });
  addEventListener("keydown", (e) => e.key === "Enter" && (bench.enter = performance.now()), true);
  addEventListener("pointerdown", () => (bench.click = performance.now()), true);
})();

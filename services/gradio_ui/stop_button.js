(() => {
  // Stop goes straight to the service: Gradio would gather its event first, while the model goes on.
  // The page's session is known from what Gradio itself sends.
  const send = window.fetch;
  let session = "";
  window.fetch = (...request) => {
    session = /"session_hash":"(\w+)"/.exec(request[1]?.body)?.[1] ?? session;
    return send(...request);
  };
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.(".stop-button")?.closest("#question, #prompt");
    if (box) send(`stop/${box.id}/${session}`, { method: "POST" });
  }, true);
})();

() => {
  // Gradio follows an answer only from within 100 px of its end, and a question, an answer or its
  // numbers can add more than that at once. So each new message brings the end into sight, unless
  // somebody has scrolled up to read; after a question of one's own it does in any case.
  const conversation = document.querySelector("#conversation");
  const rows = (kind) => conversation.querySelectorAll(kind).length;
  let questions = rows(".user-row");
  let messages = rows(".message-row");
  let follows = true;
  let last = [0, 0];
  conversation.addEventListener(
    "scroll",
    ({ target }) => {
      if (!target.matches(".bubble-wrap")) return;
      const { scrollTop, scrollHeight, clientHeight } = target;
      if (scrollTop + clientHeight > scrollHeight - 10) follows = true;
      else if (scrollTop < last[0] && scrollHeight >= last[1]) follows = false;
      last = [scrollTop, scrollHeight];
    },
    true,
  );
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      const now = rows(".message-row");
      if (now === messages) return;
      if (rows(".user-row") > questions) follows = true;
      questions = rows(".user-row");
      messages = now;
      const wrap = conversation.querySelector(".bubble-wrap");
      if (follows && wrap) wrap.scrollTop = wrap.scrollHeight;
    });
  }).observe(conversation, { childList: true, subtree: true });
}

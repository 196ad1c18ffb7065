() => {
  // Right after each change of the conversation and before it is painted: what its rows hold is
  // noted on them for the style, screen readers are told better, and the end stays in sight.
  const conversation = document.querySelector("#conversation");
  const all = conversation.getElementsByClassName("message-row");
  const questions = conversation.getElementsByClassName("user-row");

  // Selectors with :has() would say it too, but a browser that has some of them looks at the whole
  // page again for each piece of an answer.
  const kinds = new WeakMap();
  const own = (row) => {
    if (row.matches(".user-row")) return "question";
    if (row.querySelector(".thought-group")) return "note";
    const link = row.querySelector("a:is([href^='#answer-m_'], [href^='#question-m_'])");
    return link ? `${link.hash.startsWith("#answer") ? "answer" : "question"}-versions` : "text";
  };
  const name_rows = () => {
    let next = "";
    for (const row of [...all].reverse()) {
      const kind = kinds.get(row) ?? own(row);
      kinds.set(row, kind);
      // A long answer comes in several parts; the last row is an answer that is still coming.
      const holds = kind !== "text" ? kind : next === "text" ? "part" : next ? "text" : "coming";
      if (row.dataset.holds !== holds) row.dataset.holds = holds;
      next = kind;
    }
  };

  // Gradio draws a button without a name inside another button, and a list of no list items. What
  // a click does stays as it is.
  const label = () => {
    for (const list of conversation.querySelectorAll(".examples[role=list]"))
      list.setAttribute("role", "group");
    for (const title of conversation.querySelectorAll(".title[role=button]")) {
      title.removeAttribute("role");
      title.removeAttribute("tabindex");
      title.querySelector("button")?.setAttribute("aria-label", "Details");
    }
  };

  // Whoever scrolls up or opens a line to read it is left there until the end is in sight again or
  // a question of one's own is asked. A chat that was opened just now is shown at its end until
  // somebody touches it: its rows may come in several steps, and be as many as those before.
  let follows = true;
  let opened = false;
  let asked = questions.length;
  let drawn = all.length;
  let last = [0, 0];
  conversation.addEventListener(
    "scroll",
    ({ target }) => {
      if (!target.matches(".bubble-wrap")) return;
      const { scrollTop, scrollHeight, clientHeight } = target;
      const below = scrollHeight - clientHeight - scrollTop;
      // Whoever scrolls down to the end may find more below it, which came meanwhile.
      if (below < 2 || (scrollTop > last[0] && below < clientHeight / 4)) follows = true;
      else if (scrollTop < last[0] && scrollHeight >= last[1]) follows = opened = false;
      last = [scrollTop, scrollHeight];
    },
    true,
  );
  document.addEventListener("click", ({ target }) => {
    if (target.closest("#shelf [data-do=open]")) follows = opened = true;
  });
  conversation.addEventListener("click", ({ target }) => {
    opened = false;
    if (target.closest(".thought-group .title")) follows = false;
  });
  const follow = () => {
    if (questions.length > asked || !questions.length) follows = true;
    const grows = opened || all.length !== drawn || document.querySelector("#question .stop-button");
    [asked, drawn] = [questions.length, all.length];
    const wrap = conversation.querySelector(".bubble-wrap");
    if (follows && grows && wrap) wrap.scrollTop = wrap.scrollHeight;
  };

  let due = false;
  new MutationObserver((records) => {
    for (const { target } of records) kinds.delete(target.closest?.(".message-row"));
    name_rows();
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      label();
      follow();
    });
  }).observe(conversation, { childList: true, subtree: true });
  name_rows();
  label();
}

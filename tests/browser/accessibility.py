"""What axe-core says against an open page: the violations that would keep somebody out.

Owns: running axe-core, which its Python package carries (nothing is fetched), and one line for each
element at fault. Which page is looked at, in which colours and at which moment, is each test's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

GRAVE = ("serious", "critical")

# The elements are sought in the page: a node's target says how axe-core found it, through frames
# and shadow roots (a list in the list), where no exception of ours reaches.
RUN = """
async ({grave, except}) => {
  const {violations} = await axe.run(document, {resultTypes: ["violations"]});
  const excused = (rule, target) => {
    const element = typeof target[0] === "string" && target.length === 1
      ? document.querySelector(target[0]) : null;
    return element !== null && (except[rule] ?? []).some(selector => element.closest(selector));
  };
  return violations.filter(violation => grave.includes(violation.impact)).flatMap(violation =>
    violation.nodes.filter(node => !excused(violation.id, node.target)).map(node => ({
      rule: violation.id, impact: violation.impact, at: node.target.flat().join(" "),
      html: node.html, why: node.failureSummary})));
}
"""


def serious_violations(
    page: Page, except_for: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """One line for each serious or critical violation on the page as it is now; [] when none.

    `except_for` names selectors by rule: what lies inside one of them is not counted. It is for a
    framework's own markup that we cannot change, with the reason beside it.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    excused = {rule: list(selectors) for rule, selectors in (except_for or {}).items()}
    found: list[dict[str, Any]] = page.evaluate(RUN, {"grave": GRAVE, "except": excused})
    return [
        f"{each['rule']} ({each['impact']}) at {each['at']}: {' '.join(each['why'].split())} "
        f"In: {each['html'][:200]}"
        for each in found
    ]

"""What a reader would notice wrong in the documents: dead links, names and numbers that are not so.

The examples are run in test_docs_examples.py, the diagram is drawn in test_docs_diagram.py.
"""

from __future__ import annotations

import math
import re
import subprocess

import pytest

from tests.documents import Page, page, pages
from tests.pictures.__main__ import SCENES
from tests.running import ROOT

PAGES = pages()
GUIDE = page(ROOT / "docs" / "101.md")
KNOWN_PORTS = {"8000", "8501", "7860", "1234"}
KNOWN_MODELS = {"lectern-101", "lectern-101@f16", "lectern-101@q8_0", "lectern-101@q4_0"}
TERMS = ["Large language model", "Token", "Temperature", "Quantization"]
# Written in halves, or this file would name them itself.
REGISTRIES = [
    f"{name}.{rest}"
    for name, rest in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb.debian", "org"),
        ("security.debian", "org"),
        ("ftp.debian", "org"),
        ("crates", "io"),
        ("download.pytorch", "org"),
    )
]

every_page = pytest.mark.parametrize("page", PAGES, ids=repr)


@every_page
def test_links_inside_the_repository_lead_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z]+:", link.target):
            continue
        file, _, anchor = link.target.partition("#")
        target = page.path.parent / file if file else page.path
        assert target.exists(), f"{page!r} links to {link.target}, which does not exist"
        if anchor:
            anchors = Page(target, target.read_text()).anchors
            assert anchor in anchors, f"{page!r} links to {link.target}: no such heading"


def test_every_page_can_be_found_from_the_readme() -> None:
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in found or path.suffix != ".md":
            continue
        found.add(path)
        targets = (link.target.partition("#")[0] for link in page(path).links)
        waiting += [path.parent / target for target in targets if ":" not in target]
    assert {each.path for each in PAGES} - found == set()


@every_page
def test_pictures_say_what_they_show(page: Page) -> None:
    for link in page.links:
        if link.image:
            assert len(link.text) > 10, f"{page!r}: {link.target} has no useful alt text"


def test_every_screen_is_shown_in_light_and_in_dark() -> None:
    shown = {link.target for link in page(ROOT / "docs" / "pictures.md").links if link.image}
    taken = {f"pictures/{path.name}" for path in (ROOT / "docs" / "pictures").glob("*.png")}
    assert shown == taken
    assert {name.replace("-light.", "-dark.") for name in taken} <= taken
    scenes = {f"pictures/{scene.name}-light.png" for scene in SCENES}
    assert scenes == {name for name in taken if "-light." in name}


@every_page
def test_make_targets_exist(page: Page) -> None:
    named = set(re.findall(r"\bmake (?:-s )?([a-z][a-z-]+)", page.code))
    makefile = (ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", makefile, re.MULTILINE)
    assert named <= set(" ".join(rules).split())


@every_page
def test_settings_exist(page: Page) -> None:
    prefixes = "LMSTUDIO|LLM|GATEWAY|ENGINE|CHAT|STREAMLIT|GRADIO|BIND|DATABASE"
    named = set(re.findall(rf"\b(?:{prefixes})_[A-Z][A-Z_]+\b", page.text))
    documented = (ROOT / ".env.example").read_text()
    assert {name for name in named if not re.search(rf"\b{name}\b", documented)} == set()


@every_page
def test_ports_are_the_known_ones(page: Page) -> None:
    named = set(re.findall(r"(?<=:)\d{4,5}\b|(?<=\bport )\d+", page.text))
    assert named <= KNOWN_PORTS


@every_page
def test_models_are_the_ones_the_engine_serves(page: Page) -> None:
    named = set(re.findall(r"lectern-101(?:@\w+)?", page.text))
    assert named <= KNOWN_MODELS


def test_no_file_names_a_package_registry() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = []
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        text = path.read_text(errors="replace") if path.is_file() else ""
        found += [(name, host) for host in REGISTRIES if host in text]
    assert found == []


@pytest.mark.parametrize("term", TERMS)
def test_each_term_has_one_thing_to_try_and_names_its_sources(term: str) -> None:
    section = GUIDE.section(term)
    assert section.text.count("**Try it.**") == 1
    sources = section.text.rpartition("\nSource")[2]
    assert "](https://" in sources


def test_the_temperature_table_is_computed_right() -> None:
    rows = [row for row in GUIDE.section("Temperature").rows() if len(row) == 4]
    assert [row[0] for row in rows] == ["0", "0.5", "1", "1.5"]
    for temperature, *shares in rows[1:]:
        weights = [math.exp(score / float(temperature)) for score in (3, 2, 1)]
        expected = [f"{100 * weight / sum(weights):.1f} %" for weight in weights]
        assert shares == expected


def test_the_memory_table_is_computed_right() -> None:
    """Bytes = parameters x bits / 8, for the 8.03 billion parameters that the text names."""
    section = GUIDE.section("Quantization")
    assert "8.03 billion parameters" in section.text
    rows = [row for row in section.rows() if row[-1].endswith(" GB")]
    assert [row[0] for row in rows] == ["F32", "F16", "Q8_0", "Q4_K_M"]
    for _, bits, size in rows:
        assert size == f"{8.03 * float(bits) / 8:.1f} GB"


def test_the_rules_for_contributors_stay_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 40


def test_the_changelog_opens_with_what_is_unreleased() -> None:
    changelog = page(ROOT / "CHANGELOG.md")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert changelog.headings[:2] == ["Changelog", "[Unreleased]"]
    for heading in changelog.headings[2:]:
        assert heading in kinds or re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading)

"""Full-text search in one owner's conversations.

Owns turning what a person typed into a query that cannot break, ranking, and snippets. SQLite
searches its FTS5 indexes. PostgreSQL, and words that FTS5's tokenizer does not cut (Chinese,
Japanese, Thai, pure punctuation), are searched as parts of the text, the latest first.
"""

from __future__ import annotations

import html
import re
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, text

from gateway.conversation_bodies import Hit, Hits
from gateway.conversation_rows import summary
from gateway.errors import BadRequest
from gateway.room_database import RoomDatabase
from gateway.room_limits import MAX_SEARCH_TERMS, Limits
from gateway.schema import conversations, messages

CANDIDATES = 500  # messages looked at; a conversation counts once
TITLE_WEIGHT = 2.0
SNIPPET_TOKENS = 24
SNIPPET_CHARS = 80  # on each side, where FTS5 does not make it
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_WORD = re.compile(r"[^\W_]")
_UNCUT = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class _Found:
    conversation: int
    message_id: str | None
    score: float  # smaller is better
    snippet: str


class ConversationSearch:
    """Finds words in titles and messages. It blocks on the database."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def find(self, owner: str, query: str, limit: int) -> Hits:
        """The best hit of each conversation that holds every word of `query`, best first."""
        terms = terms_of(query)
        by_index = self._database.is_sqlite and all(
            _WORD.search(term) and not _UNCUT.search(term) for term in terms
        )
        with self._database.reading() as connection:
            look = _by_index if by_index else _by_text
            found = sorted(look(connection, owner, terms), key=lambda hit: hit.score)
            best: dict[int, _Found] = {}
            for hit in found:
                best.setdefault(hit.conversation, hit)
            shown = list(best.values())[:limit]
            query_rows = select(conversations).where(
                conversations.c.number.in_([hit.conversation for hit in shown])
            )
            rows = {row.number: row for row in connection.execute(query_rows)}
        hits = [
            Hit(
                conversation=summary(rows[hit.conversation], self._limits),
                message_id=hit.message_id,
                snippet=hit.snippet,
            )
            for hit in shown
        ]
        return Hits(hits=hits, more=len(best) > limit)


def terms_of(query: str) -> list[str]:
    """The words, and the phrases in double quotes, of what was typed."""
    found = [
        (phrase or word).replace('"', " ").strip()
        for phrase, word in _TERM.findall(query.replace("\0", " "))
    ]
    terms = [term for term in found if term]
    if not terms:
        raise BadRequest("`q` holds no word to look for.", param="q")
    return terms[:MAX_SEARCH_TERMS]


def match_of(terms: list[str]) -> str:
    """An FTS5 expression: each term quoted, so that nothing in it is syntax; the last may go on."""
    return " ".join(f'"{term}"' for term in terms) + "*"


_TITLES = text(
    "SELECT c.number AS number, NULL AS message_id, bm25(conversations_fts) AS score, "
    "snippet(conversations_fts, 0, :open, :close, '…', :tokens) AS snippet "
    "FROM conversations_fts JOIN conversations c ON c.number = conversations_fts.rowid "
    "WHERE conversations_fts MATCH :match AND c.owner = :owner AND c.deleted_at IS NULL "
    "ORDER BY score LIMIT :most"
)
# Snippets are costly: they are made for the candidates alone, in a second step.
_MESSAGES = text(
    "SELECT c.number AS number, m.number AS message, m.id AS message_id, "
    "bm25(messages_fts) AS score "
    "FROM messages_fts JOIN messages m ON m.number = messages_fts.rowid "
    "JOIN conversations c ON c.number = m.conversation "
    "WHERE messages_fts MATCH :match AND c.owner = :owner AND c.deleted_at IS NULL "
    "ORDER BY score LIMIT :most"
)
_SNIPPETS = text(
    "SELECT rowid AS message, snippet(messages_fts, 0, :open, :close, '…', :tokens) AS snippet "
    "FROM messages_fts WHERE messages_fts MATCH :match AND rowid IN :rows"
).bindparams(bindparam("rows", expanding=True))


def _by_index(connection: Connection, owner: str, terms: list[str]) -> list[_Found]:
    marks = _Marks()
    asked = {"match": match_of(terms), "owner": owner, "most": CANDIDATES}
    cut = {"open": marks.open, "close": marks.close, "tokens": SNIPPET_TOKENS}
    found = [
        _Found(row.number, None, row.score * TITLE_WEIGHT, marks.safe(row.snippet))
        for row in connection.execute(_TITLES, asked | cut)
    ]
    rows = list(connection.execute(_MESSAGES, asked))
    wanted: dict[int, Any] = {}
    for row in rows:
        wanted.setdefault(row.number, row)
    parameters = cut | {"match": asked["match"], "rows": [row.message for row in wanted.values()]}
    snippets = {row.message: row.snippet for row in connection.execute(_SNIPPETS, parameters)}
    return found + [
        _Found(row.number, row.message_id, row.score, marks.safe(snippets[row.message]))
        for row in wanted.values()
    ]


def _by_text(connection: Connection, owner: str, terms: list[str]) -> list[_Found]:
    own = (conversations.c.owner == owner, conversations.c.deleted_at.is_(None))
    latest = conversations.c.updated_at.desc()
    titles = select(conversations.c.number, conversations.c.title).where(
        *own, *(conversations.c.title.icontains(term, autoescape=True) for term in terms)
    )
    texts = (
        select(conversations.c.number, messages.c.id, messages.c.text)
        .join(messages, messages.c.conversation == conversations.c.number)
        .where(*own, *(messages.c.text.icontains(term, autoescape=True) for term in terms))
    )
    by_title = connection.execute(titles.order_by(latest).limit(CANDIDATES))
    by_text = connection.execute(texts.order_by(latest, messages.c.position).limit(CANDIDATES))
    hits = [(row.number, None, row.title) for row in by_title]
    hits += [(row.number, row.id, row.text) for row in by_text]
    return [
        _Found(number, message_id, float(rank), cut_out(found, terms))
        for rank, (number, message_id, found) in enumerate(hits)
    ]


def cut_out(text_: str, terms: list[str]) -> str:
    """A snippet around the first match, for searches without an index."""
    marks = _Marks()
    any_term = re.compile("|".join(re.escape(term) for term in terms), re.IGNORECASE)
    match = any_term.search(text_)
    middle = match.start() if match else 0
    start, end = max(0, middle - SNIPPET_CHARS), middle + SNIPPET_CHARS
    piece = any_term.sub(lambda hit: marks.open + hit[0] + marks.close, text_[start:end])
    dots = ("…" if start else "", "…" if end < len(text_) else "")
    return marks.safe(dots[0] + piece + dots[1])


class _Marks:
    """Marks that no stored text can hold, as they are drawn anew for every search."""

    def __init__(self) -> None:
        token = secrets.token_hex(8)
        self.open, self.close = f"[{token}>", f"<{token}]"

    def safe(self, snippet: str) -> str:
        """HTML in which everything but our own <mark> is escaped."""
        escaped = html.escape(snippet)
        for mark, tag in ((self.open, "<mark>"), (self.close, "</mark>")):
            escaped = escaped.replace(html.escape(mark), tag)
        return escaped

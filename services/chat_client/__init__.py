"""What both web UIs need to talk to a model server and to the room, and nothing of how they look.

A UI reads `ChatSettings()` once and draws what these return. Every failure is a `ChatError` with
`message` (what happened) and `advice` (what to do), plain sentences without secrets.

**Ask a model**
    stream_answer(settings, model, messages, sampling, record=None) -> async Piece, …, Finished
    Answer.start(settings, model, messages, sampling)   the same from synchronous code: .poll(),
        .done, .stop(), .error, .exchange, .waiting (Waiting(place, loading), .line: what the first
        token waits for); load=True loads the model first. At most CHAT_CONCURRENCY at once.
    Message(role, content, images=(), files=(), tool_calls=())
    Piece = Reasoning(text) | Text(text) | ToolCall(index, id, name, arguments) | Finished(stats)
        A ToolCall comes again as it grows: replace the one with the same index.
    Stats: time_to_first_token_s, tokens_per_second, prompt_tokens, completion_tokens,
        counted_tokens (estimated), reasoning_tokens, reasoning_s, duration_s, finish_reason, model,
        .line, .numbers()

**Sampling**: Sampling() sends nothing; each field that is not None is sent.
    SAMPLING_FIELDS: SamplingField(name, label, what, kind, low, high, step, suggested, choices,
        mode) in the order to show them; kind: "slider", "integer", "lines", "choice", "json";
        mode: "user", "power" or "developer", the first mode that shows it
    SUGGESTED: Sampling with each field's `suggested`
    Sampling.from_settings(dict), .settings(): the names that presets and conversations keep
    sampling_problem(name, value) -> sentence or None;  read_stop(text), read_json_schema(text)

**Attachments**: await read_attachment(name, data) -> Image | TextFile; both have name, size_bytes,
    tokens (estimated); Image has data_url, TextFile has text and note (what was left out, or "").
    ATTACHMENT_TYPES: endings for file pickers

**The room** (what the gateway keeps; one Room per process, safe from any thread or loop)
    Room(settings, key=""); every method is a coroutine; `blocking(room.page())` from plain code.
    RoomAway(message, advice): nothing is kept now; the chat goes on. Each later call looks again.
    RoomRefused(…, code): the gateway said no; RoomStale (a RoomRefused): read again, then repeat.
    page(cursor=None, deleted=False) -> ConversationPage;  by_day(conversations) -> [DayGroup]
    search(words) -> Hits (hit.pieces: (text, marked) pairs, safe to draw)
    create(title, system_prompt, settings), get(id), rename(id, title), pin(id, pinned),
    change(id, …), delete(id), restore(id), erase(id), export(id, format), export_all(format),
    load(data) -> ImportReport(conversations, ids, .line: a sentence)
    append(id, message), add_sibling(id, message_id, message), complete(id, message_id, answer),
    choose(id, message_id), judge(id, message_id, "up" | "down" | None)
    presets(), create_preset(name, settings, shared), change_preset(preset, …),
    delete_preset(id), export_presets(), load_presets(data)
    prompt_library(presets) -> [SystemPrompt(id, name, text, .mine, .label)], built in and kept;
    is_prompt(preset): it sets only the system prompt; await keep_prompt(room, name, text) -> id
    vote(choice, left, right, blind), take_back_vote(id), totals(reach)
    requests(limit=50, looks=True, outcome="", model="") -> RequestLog(reach: "own" or "all",
        data: [RequestRow], running: [RunningRow]), the newest first, .models to choose from:
        both have request_id, began_at, key, model, route, completion_tokens, first_token_ms; then
        outcome, status, prompt_tokens, estimated, queue_ms, duration_ms, .ok
        or state, position, elapsed_ms, .words ("in line, place 2")
    OUTCOMES: what `outcome` may be, each with its label; OUTCOME_HELP, ALL_MODELS
    leaderboard(totals) -> [Standing(model, label, score, low, high, games, wins, losses, ties)]

**A conversation with branches**: Dialogue holds the tree, works without the gateway, and keeps what
    it can: nothing of it blocks a chat.
    Dialogue(settings, system_prompt), Dialogue.of(conversation), await Dialogue.open(room, id)
    .shown -> [Shown(message: Entry, place, of, older_id, newer_id)]: what to draw, with place/of
    .ask(text, model, images, files) -> Turn;  .edit(message_id, text, model) -> Turn
    .regenerate(message_id, model) -> Turn;  .choose(message_id);  .under_way -> Entry or None
    Turn: .messages (send these), .take(piece), .id, .answer: Entry(id, role, text, images, files,
        reasoning, reasoning_s, tool_calls, stats, model, answered_by, error, elapsed_s,
        state: "coming", "done", "stopped" or "failed",
        feedback: "up", "down" or None: set it, then keep)
        In any case .answer.end(error=None, so_far=None) or .answer.stop(so_far=None) at last;
        so_far: the numbers of an answer that did not come to its end, record.so_far()
    await .keep(room) -> bool: sends what is not kept yet, also in mid-answer; never raises
    .room_id, .name, .title, .settings, .system_prompt, .sampling, .not_kept (sentence or "")

**Playground**: Asked(model, sampling, label): one contestant; labelled([Asked]) fills the labels
    Round.start(settings, prompt, [Asked, …], blind=False, system_prompt="", to_load=()) asks all
    round.panes -> (Pane(asked, reply, alias, .entry: Entry), …), .open, .take(), .stop(),
        .name(pane), .waiting(pane), .numbers(pane), .parted() -> [(shared, rest)], .revealed,
        .reveal(), .verdict; to_load: models that are not in memory, to tell how far they are
        Call .take() every few hundredths of a second while .open, then draw each .entry.
    Recent(over): .keep(thing) -> id, .get(id), .all(): rounds that a reloaded page finds again
    verdicts(round) -> [(verdict, words)];  no_vote_because(round) -> sentence or ""
    await cast(room, round, verdict, shared=True) -> "" or why nothing is kept; it reveals
    demos(models, chosen) -> [Demo(name, what, prompt, asked, blind, mark, problem)]

**Context**: measure_context(messages, window, memory, answer_tokens) -> ContextUse(system, history,
    files, answer, window, estimated, falls_out, .used, .free, .share, .full, .line)
    TokenMemory: one a conversation; .learn(turn.messages, turn.stats) after each answer
    drop_oldest(messages, window, memory, answer_tokens) -> the messages that fit

**Models**: list_models(settings) -> [Model]; grouped(models) -> [ModelGroup("Loaded"|"Available")]
    Model: id, name, loaded, quantization, publisher, size_bytes, parameters, context_length,
        max_context_length, vision, tools, reasoning, reasoning_options, refused (why this key may
        not use it, or ""), .badges, .size, .label;  vision_problem(model) -> sentence or None
    load_model(settings, model, context_length=None, keep=False) -> async LoadProgress(share or
        None, seconds, done): keep=False loads as a question would and tells the share; keep=True
        until it is unloaded (the gateway wants the scope models:manage)
    unload_model(settings, instance_id)
    manage_problem(settings) -> why this key may not do what takes that scope, or ""
    probe(settings) -> ServerState: is it there, and if not, what was tried and what to do

**For people who build**: snippets(settings, model, messages, sampling, show_key=False,
    base_url="") -> [Snippet(language, title, code)]
    outside_address(settings, page_host) -> the server's root as people outside a container reach it
    gateway_address(settings, page_host) -> the gateway's, likewise; beside them the words for both
    program_targets(settings, page_host) -> whom programs may ask: .name, .address, .settings
    Exchange, given to stream_answer as `record`, or Answer.exchange: .request (dict),
        .request_text, .headers, .status, .frames (raw), .truncated: the last turn as it went
    first_difference(a, b) -> index or None; parting(a, b) -> (same, rest of a, rest of b) or None
"""

from chat_client.answer import stream_answer
from chat_client.attachments import ATTACHMENT_TYPES, Image, TextFile, read_attachment
from chat_client.background import Answer
from chat_client.catalogue import Model, ModelGroup, grouped, list_models, vision_problem
from chat_client.context import ContextUse, TokenMemory, drop_oldest, measure_context
from chat_client.day_groups import DayGroup, by_day
from chat_client.dialogue import Shown, Turn
from chat_client.dialogue_entry import Entry
from chat_client.dialogue_keeping import Dialogue
from chat_client.difference import first_difference, parting
from chat_client.errors import ChatError
from chat_client.exchange import Exchange
from chat_client.key_rights import KeyRights, manage_problem
from chat_client.leaderboard import Standing, leaderboard
from chat_client.messages import Finished, Message, Piece, Reasoning, Stats, Text, ToolCall
from chat_client.model_loading import LoadProgress, load_model, unload_model
from chat_client.outside_address import (
    FOR_TEAMMATES,
    FOR_THIS_MACHINE,
    KEY_WANTED,
    NO_KEY_WANTED,
    gateway_address,
    outside_address,
)
from chat_client.playground import Asked, Pane, Round, labelled, parted
from chat_client.playground_demos import Demo, demos
from chat_client.playground_vote import Verdict, cast, no_vote_because, verdicts
from chat_client.program_targets import (
    PAST_GATEWAY,
    VIA_GATEWAY,
    ProgramTarget,
    program_targets,
)
from chat_client.recent import Recent
from chat_client.reply import Reply
from chat_client.request_log import (
    ALL_MODELS,
    OUTCOME_HELP,
    OUTCOMES,
    Outcome,
    RequestLog,
    RequestRow,
    RunningRow,
)
from chat_client.room import Room
from chat_client.room_connection import RoomAway, RoomRefused, RoomStale, blocking
from chat_client.room_values import (
    Contestant,
    Conversation,
    ConversationPage,
    Hit,
    Hits,
    ImportReport,
    Preset,
    RoomFile,
    StoredMessage,
    Summary,
    Totals,
    Vote,
)
from chat_client.sampling import SUGGESTED, Sampling
from chat_client.sampling_fields import (
    SAMPLING_FIELDS,
    SamplingField,
    read_json_schema,
    read_stop,
    sampling_problem,
)
from chat_client.server_state import ServerState, Step, probe
from chat_client.settings import ChatSettings, settings_problem
from chat_client.snippets import Snippet, snippets
from chat_client.system_prompts import (
    BUILT_IN_PROMPTS,
    SystemPrompt,
    is_prompt,
    keep_prompt,
    prompt_library,
)

__all__ = [
    "ALL_MODELS",
    "ATTACHMENT_TYPES",
    "BUILT_IN_PROMPTS",
    "FOR_TEAMMATES",
    "FOR_THIS_MACHINE",
    "KEY_WANTED",
    "NO_KEY_WANTED",
    "OUTCOMES",
    "OUTCOME_HELP",
    "PAST_GATEWAY",
    "SAMPLING_FIELDS",
    "SUGGESTED",
    "VIA_GATEWAY",
    "Answer",
    "Asked",
    "ChatError",
    "ChatSettings",
    "Contestant",
    "ContextUse",
    "Conversation",
    "ConversationPage",
    "DayGroup",
    "Demo",
    "Dialogue",
    "Entry",
    "Exchange",
    "Finished",
    "Hit",
    "Hits",
    "Image",
    "ImportReport",
    "KeyRights",
    "LoadProgress",
    "Message",
    "Model",
    "ModelGroup",
    "Outcome",
    "Pane",
    "Piece",
    "Preset",
    "ProgramTarget",
    "Reasoning",
    "Recent",
    "Reply",
    "RequestLog",
    "RequestRow",
    "Room",
    "RoomAway",
    "RoomFile",
    "RoomRefused",
    "RoomStale",
    "Round",
    "RunningRow",
    "Sampling",
    "SamplingField",
    "ServerState",
    "Shown",
    "Snippet",
    "Standing",
    "Stats",
    "Step",
    "StoredMessage",
    "Summary",
    "SystemPrompt",
    "Text",
    "TextFile",
    "TokenMemory",
    "ToolCall",
    "Totals",
    "Turn",
    "Verdict",
    "Vote",
    "blocking",
    "by_day",
    "cast",
    "demos",
    "drop_oldest",
    "first_difference",
    "gateway_address",
    "grouped",
    "is_prompt",
    "keep_prompt",
    "labelled",
    "leaderboard",
    "list_models",
    "load_model",
    "manage_problem",
    "measure_context",
    "no_vote_because",
    "outside_address",
    "parted",
    "parting",
    "probe",
    "program_targets",
    "prompt_library",
    "read_attachment",
    "read_json_schema",
    "read_stop",
    "sampling_problem",
    "settings_problem",
    "snippets",
    "stream_answer",
    "unload_model",
    "verdicts",
    "vision_problem",
]

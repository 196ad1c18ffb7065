"""What both web UIs need to talk to a model server, and nothing of how they look.

Owns: the catalogue, the server's state, streamed answers, readable errors. A UI reads settings,
asks `probe` or `list_models` what there is, and streams with `stream_answer` (async) or `Answer`
(from synchronous code).
"""

from chat_client.answer import stream_answer
from chat_client.background import Answer
from chat_client.catalogue import Model, list_models
from chat_client.errors import ChatError
from chat_client.messages import Finished, Message, Piece, Reasoning, Sampling, Stats, Text
from chat_client.server_state import ServerState, Step, probe
from chat_client.settings import ChatSettings, settings_problem

__all__ = [
    "Answer",
    "ChatError",
    "ChatSettings",
    "Finished",
    "Message",
    "Model",
    "Piece",
    "Reasoning",
    "Sampling",
    "ServerState",
    "Stats",
    "Step",
    "Text",
    "list_models",
    "probe",
    "settings_problem",
    "stream_answer",
]

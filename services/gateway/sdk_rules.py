"""What of the `lmstudio` SDKs' WebSocket API passes, and what a key needs for each call.

Owns one table: namespace (the socket's path), `rpc` or `channel`, endpoint. What is not in it is
refused, so that a new endpoint of LM Studio is nobody's until somebody has thought about it.
Endpoints are those of the SDKs' sources (github.com/lmstudio-ai/lmstudio-js, packages
lms-external-backend-interfaces). Left out on purpose: `diagnostics` (streams everybody's prompts),
`plugins`, `runtime`, and what starts, stops or signs in the model server.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.keys import Scope
from gateway.routes import RelayedRoute

# The last three exist only so that their calls are refused in a form that the SDKs raise.
NAMESPACES = (
    *("llm", "embedding", "system", "files", "repository"),
    *("diagnostics", "plugins", "runtime"),
)


class Rule(NamedTuple):
    """One endpoint. `model`: the field of its parameter that names a model, if one does.

    `strict`: the key's list of models holds for it, as it is not mere reading.
    """

    route: RelayedRoute
    model: str = ""
    strict: bool = False

    @property
    def works(self) -> bool:
        """Whether the model works on it, so that it waits its turn."""
        return self.route.takes_slot


def rule_for(namespace: str, kind: str, endpoint: str) -> Rule | None:
    """The rule, or None for what does not pass."""
    return _RULES.get((namespace, kind, endpoint))


def _rules() -> dict[tuple[str, str, str], Rule]:
    read, manage = Scope.MODELS_READ, Scope.MODELS_MANAGE
    rules: dict[tuple[str, str, str], Rule] = {}

    def add(
        namespace: str,
        kind: str,
        endpoints: str,
        scope: Scope,
        model: str = "",
        works: bool = False,
    ) -> None:
        for endpoint in endpoints.split():
            path = f"/{namespace} {endpoint}"
            route = RelayedRoute("WEBSOCKET", path, scope, takes_slot=works, names_model=works)
            strict = bool(model) and scope in (Scope.CHAT, Scope.EMBED)
            rules[namespace, kind, endpoint] = Rule(route, model, strict)

    for namespace, use in (("llm", Scope.CHAT), ("embedding", Scope.EMBED)):
        add(namespace, "rpc", "listLoaded", read)
        add(namespace, "rpc", "getModelInfo getLoadConfig", read, "specifier")
        add(namespace, "rpc", "getBasePredictionConfig", read, "specifier")
        add(namespace, "rpc", "getInstanceProcessingState", read, "specifier")
        add(namespace, "rpc", "estimateModelUsage", read, "modelKey")
        add(namespace, "rpc", "tokenize countTokens", use, "specifier")
        # As a chat by HTTP, which makes LM Studio load the model that it names.
        add(namespace, "channel", "getOrLoad", use, "identifier")
        add(namespace, "channel", "loadModel", manage, "modelKey")
        add(namespace, "rpc", "unloadModel", manage, "identifier")
    add("llm", "rpc", "applyPromptTemplate", Scope.CHAT, "specifier")
    add("llm", "rpc", "preloadDraftModel", manage, "specifier")
    add("llm", "channel", "predict completeRawText", Scope.CHAT, "modelSpecifier", works=True)
    add("embedding", "rpc", "embedString", Scope.EMBED, "modelSpecifier", works=True)
    add("system", "rpc", "listDownloadedModels listDownloadedModelVariants version", read)
    add("files", "rpc", "uploadFileBase64 getDocumentParsingLibrary", Scope.CHAT)
    add("files", "channel", "parseDocument", Scope.CHAT)
    add("files", "channel", "retrieve", Scope.EMBED, works=True)
    add("repository", "rpc", "searchModels getModelDownloadOptions", manage)
    add("repository", "channel", "downloadModel", manage)
    return rules


_RULES = _rules()

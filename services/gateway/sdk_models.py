"""Which model a frame of the `lmstudio` SDKs means, other names and the key's list included.

Owns the places where a name stands in a frame, and what the model server told on this connection:
the SDKs go on with an instance's identifier or with an opaque reference to it, so that a key's list
of models can hold only for instances that were seen here.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from gateway.errors import BadRequest, ModelForbidden, ModelUnknown, NotOffered
from gateway.keys import Key, Scope
from gateway.models import Models
from gateway.sdk_frames import Opening, instances_in, settings_in
from gateway.sdk_rules import Rule

MAX_SEEN = 1000
SPECIFIERS = ("specifier", "modelSpecifier")
MAX_NAME_CHARS = 300
# What JavaScript's SDK sends up to 1.5 when nothing was set: the default.
NO_SETTING = {
    "key": "load.gpuSplitConfig",
    "value": {"strategy": "evenly", "disabledGpus": [], "priority": [], "customRatio": []},
}


class Instance(NamedTuple):
    """A loaded instance: its own name, and the model that it is one of."""

    identifier: str
    model: str


class SdkModels:
    """The models of one connection."""

    def __init__(self, models: Models, server: str) -> None:
        self._models = models
        self._server = server
        self._seen: OrderedDict[str, Instance] = OrderedDict()  # by identifier and by reference

    def learn(self, document: dict[str, Any]) -> None:
        """Takes note of the instances that a frame of the model server tells of."""
        for info in instances_in(document):
            instance = Instance(info["identifier"], str(info.get("modelKey", "")))
            for name in (instance.identifier, info.get("instanceReference")):
                if isinstance(name, str):
                    self._seen[name] = instance
                    self._seen.move_to_end(name)
        while len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)

    async def name(self, opening: Opening, rule: Rule, key: Key) -> str:
        """The model that is meant; writes its real name into the frame.

        Empty where any will do. Raises `ModelForbidden`, or `ModelUnknown` where a key's list has
        to hold: an unknown name is else left to the model server, which knows paths as well.
        """
        parameter = opening.parameter
        if not rule.model:
            if rule.works and key.models:
                raise ModelForbidden("This key is for certain models, and this names none.")
            return ""
        value = parameter.get(rule.model)
        field = rule.model
        if field in SPECIFIERS:
            specifier = value if isinstance(value, dict) else {}
            kind, query = specifier.get("type"), specifier.get("query")
            if kind == "instanceReference":  # its `type` decides, as it does for LM Studio
                return self._referred(specifier.get("instanceReference"), rule, key)
            if kind != "query" or not isinstance(query, dict):
                raise BadRequest(f"The frame needs `{field}`, a query or an instance reference.")
            parameter = query
            field = "identifier" if query.get("identifier") or not query.get("path") else "path"
        name = parameter.get(field)
        if not name:
            if rule.strict and key.models:
                raise ModelForbidden("This key is for certain models: name one.")
            return ""
        real = await self._real(_checked(name), rule, key)
        self._refuse_elsewhere(real)
        if real != name or key.models:  # written anew, no field can be there twice
            parameter[field] = real
            opening.rewritten()
        return real

    def _referred(self, reference: Any, rule: Rule, key: Key) -> str:
        instance = self._seen.get(reference) if isinstance(reference, str) else None
        if rule.strict and key.models and not self._may_use(instance, key):
            raise ModelForbidden(
                "This key may not use the model that is referred to."
                if instance
                else "This key is for certain models, and this connection has not seen the one "
                "that is referred to: get the model by its name first."
            )
        return instance.identifier if instance else ""

    async def _real(self, name: str, rule: Rule, key: Key) -> str:
        if not rule.strict:
            return self._models.alias(name)
        if key.models and self._may_use(self._seen.get(name), key):
            return name
        try:
            return await self._models.resolve(name, key)
        except ModelUnknown:
            if key.models:
                raise
            return self._models.alias(name)

    def _refuse_elsewhere(self, model: str) -> None:
        """The sockets lead to one model server: the first of the settings."""
        servers = self._models.servers(model)
        if servers and self._server not in servers:
            raise NotOffered(
                f"The model {model!r} is on the model server {next(iter(servers))!r}, and the "
                f"lmstudio SDKs reach only {self._server!r} here. Use /v1/chat/completions for it."
            )

    def _may_use(self, instance: Instance | None, key: Key) -> bool:
        return instance is not None and any(name and key.may_use(name) for name in instance)

    def __repr__(self) -> str:
        return f"<SdkModels [{len(self._seen)} seen]>"


def _checked(name: Any) -> str:
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise BadRequest(f"A model's name must be one line of at most {MAX_NAME_CHARS} characters.")
    return name


def scope_of(opening: Opening, rule: Rule | None) -> Scope | None:
    """What the key needs: to load a model with settings of one's own concerns everybody."""
    if rule is None:
        return None
    if opening.endpoint == "getOrLoad":
        settings = settings_in(opening.parameter.get("loadConfigStack"))
        if any(setting != NO_SETTING for setting in settings):
            return Scope.MODELS_MANAGE
    return rule.route.scope

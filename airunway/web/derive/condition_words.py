"""What a condition says, in words, and whether that is good. Pure.

Apart from who shows it: some are good when they are True, some when they are False, and some are only news.
"""

from __future__ import annotations

from airunway.api.adoption import ADOPTED
from airunway.api.gateway_reasons import GATEWAY_READY
from airunway.api.kept import KEPT_AS_SERVED
from airunway.api.names import PAUSED
from airunway.api.provider_worker import WORKER_ALIVE
from airunway.messages.deployment_state import FIELDS_CONTESTED, MODEL_IMAGE_READY

GOOD, BAD, OPEN = "good", "bad", "open"

_WORDS = {
    "Validated": ("the spec is valid", "the spec is not valid"),
    "EngineSelected": ("an engine is chosen", "no engine is chosen"),
    "ProviderSelected": ("a provider is chosen", "no provider is chosen"),
    "ProviderInstalled": ("the provider's operator is installed", "the provider's operator is not installed"),
    "ProviderCompatible": ("the provider can serve it", "the provider cannot serve it"),
    "ProviderHealthy": ("the provider works", "the provider has a problem"),
    WORKER_ALIVE: ("the provider's worker is alive", "the provider's worker is silent"),
    "UpstreamReady": ("the provider's operator runs", "the provider's operator does not run"),
    MODEL_IMAGE_READY: ("the image of its model is there", "the image of its model is not there yet"),
    "StorageReady": ("its volumes are there", "its volumes are not there yet"),
    "ModelDownloaded": ("its model is on its volume", "its model is not on its volume yet"),
    "ImageResolved": ("its image's tag stands for an image", "its image's tag could not be looked up"),
    "ImageVerified": ("its image is signed as is demanded", "its image is not signed as is demanded"),
    "UnsupportedImage": ("its image is not one that is known", "its image is a known one"),
    "RecipeResolved": ("its image comes from a recipe", "its image does not come from a recipe"),
    "ArgumentsRecognized": ("the engine knows its arguments", "an argument of the engine looks wrong"),
    "FieldsHonoured": ("the provider honours every field", "the provider has no use for some fields"),
    "ResourceCreated": ("the provider's objects are made", "the provider's objects are not made"),
    "Ready": ("it serves requests", "it does not serve yet"),
    GATEWAY_READY: ("requests arrive through the Gateway", "requests do not arrive through the Gateway"),
    "RenderedForCluster": ("rendered for what this cluster has", "not rendered yet"),
    KEPT_AS_SERVED: ("its objects stay as they serve, for now", "its objects are as they would be made now"),
    ADOPTED: ("it was taken over as it served", "it is being taken over"),
    FIELDS_CONTESTED: ("somebody else writes the same fields", "nobody else writes its fields"),
    "Reconciling": ("it is on its way to what the spec asks for", "it is as the spec asks for"),
    "Stalled": ("it does not get on by itself", "it gets on by itself"),
    PAUSED: ("it is paused", "it is not paused"),
}
"""True, and False."""
_BAD_WHEN_TRUE = frozenset({FIELDS_CONTESTED, "Stalled"})
_NEWS = frozenset({PAUSED, KEPT_AS_SERVED, ADOPTED, "Reconciling", "UnsupportedImage", "RecipeResolved"})
"""Nothing to be glad of, or to do."""
_HINTS = frozenset({"ArgumentsRecognized", "FieldsHonoured"})
"""False is worth a look, and keeps nothing from serving."""


def condition_words(kind: str, status: str) -> str:
    """A condition as a sentence; one that is not known here by its name."""
    good, bad = _WORDS.get(kind, (kind, f"not {kind}"))
    return {"True": good, "False": bad}.get(status, f"not known whether {good}")


def condition_tone(kind: str, status: str) -> str:
    """Good, bad or open."""
    if kind in _NEWS or (kind in _HINTS and status == "False"):
        return OPEN
    is_turned = kind in _BAD_WHEN_TRUE
    return {"True": BAD if is_turned else GOOD, "False": GOOD if is_turned else BAD}.get(status, OPEN)

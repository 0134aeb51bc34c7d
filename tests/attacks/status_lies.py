"""What may not be said of a deployment in its status, and what the refusal says of each lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

EVIL = "evil.example.com/x@sha256:" + "e" * 64
_IMAGE = {"requested": "org/server:1", "resolved": EVIL, "digest": EVIL.partition("@")[2]}
_READY = {"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": ""}
_VERIFIED = {**_READY, "type": "ImageVerified", "message": f"signed: {EVIL} by cosign.pub"}
_SIGNED = {
    "resolved": "org/server@" + _IMAGE["digest"],
    "verified": True,
    "verificationMessage": "signed by me",
}
_FOREIGN = {"service": "bank", "port": 80}

STATUS_LIES: Sequence[tuple[str, dict[str, Any], str]] = [
    ("a generation that is to come", {"observedGeneration": 99}, "generation 99"),
    ("a condition of the future", {"conditions": [{**_READY, "observedGeneration": 99}]}, "generation 99"),
    ("that it is being deleted", {"phase": "Terminating"}, "not being deleted"),
    ("another provider", {"provider": {"name": "dynamo"}}, "provider dynamo"),
    ("no such engine", {"engine": {"type": "evil"}}, "engine evil"),
    ("another engine", {"engine": {"type": "sglang"}}, "engine sglang"),
    ("an image of another repository", {"image": _IMAGE}, "another repository"),
    ("an image by its tag", {"image": {**_IMAGE, "resolved": "org/server:2"}}, "not pinned"),
    ("that its image is signed", {"conditions": [_VERIFIED]}, "is verified, and no policy asks"),
    ("that the image is verified", {"image": {**_IMAGE, **_SIGNED}}, "is verified, and no policy asks"),
    ("that its server is ready", {"phase": "Running"}, "says Running"),
    ("that it is ready", {"conditions": [_READY]}, "Ready became True"),
    ("a Service of somebody else", {"endpoint": _FOREIGN}, "bank:80"),
    ("a Service of somebody else, of no provider", {"provider": None, "endpoint": _FOREIGN}, "bank:80"),
    ("a port that is none", {"endpoint": {"service": "chat", "port": 99999}}, "port 99999"),
    ("a gateway", {"gateway": {"endpoint": "evil.example.com"}}, "Gateway"),
    ("fewer than no replicas", {"replicas": {"desired": -1}}, "replicas"),
]

"""Settings of the registry that model images are kept in: where it is, who may push, what it may hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from airunway.api.names import PRIVATE_PULLS, PULL_SECRET, REGISTRY_NODE_PORT
from airunway.modelimage.cluster_options import REGISTRY_IMAGE
from airunway.modelimage.naming import PRIVATE_PULL_HOST
from airunway.workers.durations import Duration


class ImageRegistrySettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    image_registry: str = Field(
        default="",
        description="host:port that images are pushed to. Empty: the registry in the cluster, which is made "
        "when it is needed.",
    )
    image_registry_pull: str = Field(
        default="",
        description="What nodes call it. Empty: `localhost:30500` for the one in the cluster, else the same.",
    )
    image_registry_private_pull: str = Field(
        default=PRIVATE_PULL_HOST,
        description="What nodes call the registry in the cluster for images of private models: the NodePort"
        f" of the Service `{PRIVATE_PULLS}`.",
    )
    image_registry_insecure: bool = Field(
        default=False,
        description="Plain HTTP to `AIRUNWAY_IMAGE_REGISTRY`; the one in the cluster has no TLS.",
    )
    image_registry_login_file: Path | None = Field(
        default=None, description="Docker `config.json` with the login for it; read at every use."
    )
    image_pull_secret: str = Field(
        default="",
        description="Secret (`kubernetes.io/dockerconfigjson`) in the namespaces with private models, by"
        " which nodes pull their images from `private/<namespace>/…` of `AIRUNWAY_IMAGE_REGISTRY`. Empty: no"
        " images are made of private models there, as whoever reaches a registry without rights could pull"
        f" them. The registry in the cluster needs no such setting: there `{PULL_SECRET}` is made.",
    )
    image_registry_volume_size: str = Field(default="100Gi", description="Its claim in the cluster.")
    image_registry_image: str = Field(
        default=REGISTRY_IMAGE, description="Its image; a tag is pinned to the digest of now."
    )
    image_registry_node_port: int = Field(
        default=REGISTRY_NODE_PORT, description="Port of every node for pulls."
    )
    image_registry_readers: list[str] = Field(
        default_factory=list,
        description="CIDRs of the nodes, as JSON: a NetworkPolicy keeps everybody else from pulling. Where"
        " nodes are reached by a NodePort, callers bear their addresses, so this is no login.",
    )
    image_registry_login_lifetime: Duration = Field(
        default=timedelta(days=30),
        ge=timedelta(days=2),
        description="How long the generated login of the registry in the cluster is used. The one before"
        " stays good until the next is made, for builds that began with it; the longest takes over a day.",
    )
    image_retention: Duration = Field(
        default=timedelta(days=14),
        ge=timedelta(hours=1),
        description="How long no deployment may have named an image before it leaves the registry in the"
        " cluster; sooner when its room is needed, never while one names it.",
    )
    image_namespace_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Part of that registry's volume for all images that one namespace was the first to want,"
        " so that one tenant cannot fill it for all.",
    )
    image_builds_per_namespace: int = Field(
        default=2, ge=1, description="Builds at the same time for one namespace; others wait for their turn."
    )

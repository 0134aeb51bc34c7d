"""From a spec to a plan: which commit, which files with which digests, on which base."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time

from airunway.activities.model_image.errors import (
    BuildsOff,
    ImageTooLarge,
    InvalidModel,
    PrivateModel,
    TokenMissing,
)
from airunway.activities.model_image.options import BaseImages, Hub, ModelImageOptions
from airunway.activities.owned import refused
from airunway.api import names
from airunway.api.model_image import ModelImageSpec
from airunway.clients.errors import ClientError, Forbidden, NotFound
from airunway.clients.huggingface import (
    AccessDenied,
    FileMissing,
    HubRepository,
    RepositoryMissing,
    RevisionMissing,
)
from airunway.clients.kubernetes import SECRETS, Cluster
from airunway.clients.registry.client import BaseImage
from airunway.messages.model_image import TokenRef
from airunway.modelimage import naming
from airunway.modelimage.choice import NoFileChosen, choose_files
from airunway.modelimage.plan import ModelImagePlan, PlannedFile, plan_model_image, space_problem

TOKEN_KEY = "HF_TOKEN"
BASE_MEMORY_SECONDS = 300.0


class ChoiceError(ClientError):
    """No file can be chosen; the message lists what is there."""

    retryable = False


class Tokens:
    """Hugging Face tokens by their Secrets. Read when needed, never kept."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read(self, ref: TokenRef | None) -> str:
        """The token; empty without a reference. Raises TokenMissing, ApiError."""
        if ref is None:
            return ""
        where = f"Secret {ref.namespace}/{ref.name}"
        try:
            secret = await self._cluster.get(SECRETS, ref.name, namespace=ref.namespace)
        except NotFound as err:
            raise TokenMissing(f"{where} (spec.secrets.huggingFaceToken) does not exist") from err
        except Forbidden as err:
            raise TokenMissing(
                f"{where}: this control plane may not read it; bind the Role of docs/images.md"
            ) from err
        try:
            token = base64.b64decode((secret.get("data") or {}).get(TOKEN_KEY, ""), validate=True)
            text = token.decode("ascii").strip()
        except (binascii.Error, UnicodeDecodeError) as err:
            raise TokenMissing(f"{where}: the key {TOKEN_KEY} holds no token") from err
        if not text or not text.isprintable():
            raise TokenMissing(f"{where} has no key {TOKEN_KEY}")
        return text


class ModelImageResolver:
    """Makes plans for one process. Remembers for minutes what a base's tag stands for."""

    def __init__(self, options: ModelImageOptions, *, hub: Hub, bases: BaseImages, tokens: Tokens) -> None:
        self._options = options
        self._hub, self._bases, self._tokens = hub, bases, tokens
        self._base: tuple[float, BaseImage] | None = None

    async def plan(self, namespace: str, spec: ModelImageSpec) -> ModelImagePlan:
        """The plan. Raises ClientErrors."""
        self._refuse(spec)
        secret = TokenRef(namespace=namespace, name=spec.token_secret) if spec.token_secret else None
        token = await self._tokens.read(secret)
        found = await self._hub.repository(spec.repository, revision=spec.revision, token=token)
        try:
            paths = (file.path for file in found.files)
            # Off the event loop: a repository may have more files than a moment is enough for.
            chosen = await asyncio.to_thread(choose_files, paths, wanted=spec.file)
        except NoFileChosen as err:
            raise ChoiceError(f"{spec.repository}@{found.commit[:12]}: {err}") from err
        self._refuse_files(chosen.files)
        await self._hub.check_access(found, chosen.main, token=token)
        is_private = bool(token) and not await self._is_public(found, chosen.main)
        if is_private:
            self._refuse_private(spec.repository)
        plan = plan_model_image(
            repository=spec.repository,
            revision=spec.revision,
            commit=found.commit,
            files=[await self._planned(found, path, token) for path in chosen.files],
            base=(await self._base_image()).reference,
            license=found.license,
            layout=self._options.layout,
            private_to=namespace if is_private else "",
        )
        self._refuse_size(plan)
        return plan

    async def confirm(self, plan: ModelImagePlan, token: str) -> None:
        """See that a plan's commit is one of its branch, and that what is for everybody may be read by
        everybody. What the files hold the builder compares.

        A branch that moved on since is no objection. Raises a final failure, ClientErrors.
        """
        name = plan.repository
        found = await self._hub.repository(name, revision=plan.revision, token=token)
        if not plan.private_to:
            # A gated model's files are listed for everybody, and the builder may have them already, from
            # somebody with a token.
            await self._hub.check_access(found, plan.main.path)
        if found.commit == plan.commit:
            return
        # A commit of no branch can be anybody's: the hub keeps those of proposed changes in the repository.
        if plan.commit not in await self._hub.history(name, revision=plan.revision, token=token):
            raise refused(
                f"plan of a model image of {name} refused: {plan.commit[:12]} is not among the latest commits"
                f" of {plan.revision}; retry the deployment, which finds the present one"
            )

    def _refuse(self, spec: ModelImageSpec) -> None:
        if not self._options.enabled:
            raise BuildsOff(
                "no model images are built here (AIRUNWAY_IMAGE_BUILDS); name an image in spec.engine.image"
            )
        problems = naming.spec_problems(spec)
        if problems:
            raise InvalidModel("; ".join(problems))

    async def _is_public(self, found: HubRepository, path: str) -> bool:
        """Whether the hub gives a file to everybody. Raises ClientErrors when it does not tell."""
        try:
            open_to_all = await self._hub.repository(found.name, revision=found.commit)
            await self._hub.check_access(open_to_all, path)
        except (RepositoryMissing, RevisionMissing, FileMissing, AccessDenied):
            return False
        return True

    def _refuse_private(self, repository: str) -> None:
        if not self._options.pull_secret:
            raise PrivateModel(
                f"{repository} is private, and nobody says by which Secret its image would be pulled: the"
                " administrator must name the one for the registry of AIRUNWAY_IMAGE_REGISTRY"
                " (AIRUNWAY_IMAGE_PULL_SECRET), or unset that for the registry in the cluster, which needs"
                " none; or serve the model without an image of its own"
                f" (annotation {names.ANNOTATION_GGUF_MODE}: direct)"
            )

    def _refuse_files(self, files: tuple[str, ...]) -> None:
        problems = filter(None, map(naming.path_problem, files))
        if problem := next(problems, ""):
            raise InvalidModel(problem)
        if self._options.frontend and len(files) > 1:
            raise InvalidModel(
                f"{files[0]} is a split model, which AIKit's frontend cannot build (AIRUNWAY_IMAGE_FRONTEND)"
            )

    def _refuse_size(self, plan: ModelImagePlan) -> None:
        problem = space_problem(
            plan, builder_bytes=self._options.builder_bytes, registry_bytes=self._options.registry_bytes
        )
        if problem:
            raise ImageTooLarge(problem)

    async def _planned(self, found: HubRepository, path: str, token: str) -> PlannedFile:
        file = found.file(path)
        sha256 = file.sha256 or await self._hub.digest_of(found, path, token=token)
        return PlannedFile(path=path, sha256=sha256, size=file.size)

    async def _base_image(self) -> BaseImage:
        """The base of new plans: its tag is asked for every few minutes, so that images agree on it."""
        now = time.monotonic()
        if self._base is None or now - self._base[0] > BASE_MEMORY_SECONDS:
            reference = self._options.frontend or self._options.base
            found = await self._bases.base_image(reference, architecture=self._options.architecture)
            self._base = (now, found)
        return self._base[1]

    async def base_config(self, plan: ModelImagePlan) -> BaseImage:
        """The very base of a plan, by digest."""
        if self._base is not None and self._base[1].reference == plan.base:
            return self._base[1]
        return await self._bases.base_image(plan.base, architecture=self._options.architecture)

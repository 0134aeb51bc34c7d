"""A change that an object cannot take makes it anew where the spec asks for it; else it is a failure."""

from __future__ import annotations

import pytest

from airunway.clients.errors import MAX_MESSAGE
from airunway.messages.upstream import ApplyAnswer, RenderRequest
from tests.activities.deployment_site import DeploymentSite, Worker, asked, render_request

TOPOLOGY = (
    'admission webhook "vdynamographdeployment.kb.io" denied the request: spec.services: service topology is'
    " immutable and cannot be modified after creation: services added: [Frontend]"
)
NODES = "spec.multinode: cannot change node topology between single-node and multi-node after creation"
QUOTA = "exceeded quota: gpus, requested: requests.nvidia.com/gpu=8"


async def change(
    place: DeploymentSite, worker: Worker, *, refusal: str, code: int
) -> tuple[RenderRequest, ApplyAnswer]:
    """Serve, then ask for other replicas, which is refused: what was asked, and the answer."""
    _, first = await worker.apply(render_request(await place.deploy()))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})
    reason = "Invalid" if code == 422 else "Forbidden"
    place.emulated.faults.fail_next(
        code=code,
        reason=reason,
        message=refusal,
        when=lambda method, path: method == "PATCH" and "servers" in path,
    )
    request = render_request(edited, applied=first.objects)
    _, done = await worker.apply(request)
    return request, done


@pytest.mark.parametrize(("refusal", "code"), [(TOPOLOGY, 403), (NODES, 422), ("field is immutable", 422)])
async def test_the_object_is_made_again_and_it_is_said_before(
    place: DeploymentSite, refusal: str, code: int
) -> None:
    worker = place.worker()
    request, done = await change(place, worker, refusal=refusal, code=code)
    assert (done.superseded, done.failure) == (True, None)
    assert done.refused is not None
    before = await place.server()

    asked_again = request.model_copy(update={"refused": done.refused})
    planned = await worker.provider.render(asked_again)
    replaced = await worker.provider.apply_upstream(asked(asked_again, planned))
    made, _ = await worker.apply(request)

    assert refusal in planned.replacing
    assert [str(entry) for entry in planned.planned] == ["delete Server chat"]
    assert refusal in planned.planned[0].why
    assert replaced.deleted == ["Server chat"]
    assert [str(entry) for entry in made.planned] == ["create Server chat"]
    after = await place.server()
    assert before is not None and after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    "refusal",
    [
        QUOTA,
        f'servers "immutable-llm" is forbidden: {QUOTA}',
        'admission webhook "immutable.policy.example.com" denied the request: no changes this week',
        'spec.image: Invalid value: "immutable": must be a reference',
    ],
)
async def test_another_refusal_is_a_failure(place: DeploymentSite, refusal: str) -> None:
    _, done = await change(place, place.worker(), refusal=refusal, code=403)

    assert done.refused is None
    assert done.failure is not None
    assert done.failure.reason == "CreateFailed"


async def test_a_refusal_is_bounded_wherever_it_is_told(place: DeploymentSite) -> None:
    """Whoever overrides a field with the wrong thing has it repeated in the refusal."""
    _, done = await change(place, place.worker(), refusal=f"Invalid value: {'x' * 200_000}", code=422)

    assert done.failure is not None
    assert "it is looked at again by itself" in done.failure.message
    assert len(done.model_dump_json()) < 3 * MAX_MESSAGE


async def test_what_could_not_be_made_anew_either_goes_on_serving(place: DeploymentSite) -> None:
    """Policies say `immutable` too, of tags: what they refuse to change they refuse to create."""
    policy = 'admission webhook "validate.kyverno.svc" denied the request: images must have immutable tags'
    place.emulated.faults.fail_next(
        code=403,
        reason="Forbidden",
        message=policy,
        count=2,
        when=lambda method, path: method in ("PATCH", "POST") and "servers" in path and bool(there),
    )
    there: list[str] = []
    worker = place.worker()
    _, first = await worker.apply(render_request(await place.deploy()))
    there.append("chat")
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})

    _, done = await worker.apply(render_request(edited, applied=first.objects))

    assert (done.refused, done.deleted) == (None, [])
    assert done.failure is not None and policy in done.failure.message
    assert await place.server() is not None


async def test_what_the_spec_does_not_ask_for_takes_nothing_down(place: DeploymentSite) -> None:
    worker = place.worker()
    made = await place.deploy()
    _, first = await worker.apply(render_request(made))
    # As a newer version of ours would render it: other content for the same generation.
    (entry,) = first.objects
    older = entry.model_copy(update={"digest": "rendered-otherwise", "version": ""})
    await place.cluster.patch(entry, "chat", {"spec": {"replicas": 9}}, namespace="default")
    place.emulated.faults.fail_next(
        code=403,
        reason="Forbidden",
        message=TOPOLOGY,
        when=lambda method, path: method == "PATCH" and "servers" in path,
    )

    _, done = await worker.apply(render_request(await place.deployment(), applied=[older]))

    assert done.refused is None
    assert done.failure is not None
    assert await place.server() is not None


async def test_a_refusal_of_another_change_says_nothing_about_this_one(place: DeploymentSite) -> None:
    worker = place.worker()
    request, done = await change(place, worker, refusal=TOPOLOGY, code=403)
    assert done.refused is not None

    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})
    other = render_request(edited, applied=request.applied).model_copy(update={"refused": done.refused})
    planned = await worker.provider.render(other)

    assert planned.replacing == ""
    assert [str(entry) for entry in planned.planned] == ["apply Server chat"]

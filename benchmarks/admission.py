"""Reviews per second and their latency through the real HTTPS server: `python -m benchmarks.admission`.

The server is a process of its own, as in a cluster; the client shares the machine with it. The reviews are
the recorded vectors of group `validate`, in turn.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import multiprocessing
import ssl
import statistics
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import aiohttp
import structlog

from airunway.api import names
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection.provider_lookup import Lookup, LookupProblem
from airunway.webhook.certificates import CertificateMaterial, renewal
from airunway.webhook.server import application, serving
from airunway.webhook.tls import ServedCertificate
from tests.conformance.loader import load, provider_configs
from tests.webhook.calling import review

REQUESTS = 2000
WARM_UP = 200


def serve(answer: Connection) -> None:
    """The server process: tells its port and authority, then serves until it is ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(_serve(answer))


async def _serve(answer: Connection) -> None:
    configs = {
        entry["metadata"]["name"]: Lookup(config=InferenceProviderConfig.model_validate(entry))
        for entry in provider_configs(
            {"use": name} for name in ("kaito", "dynamo", "kuberay", "llmd", "vllm")
        )
    }

    async def find(name: str) -> Lookup:
        return configs.get(name, Lookup(problem=LookupProblem.NOT_FOUND))

    made, served = (
        renewal(CertificateMaterial(), hosts=["127.0.0.1"], now=datetime.now(UTC)),
        ServedCertificate(),
    )
    assert made is not None
    served.load(made.material)
    async with serving(application(find), host="127.0.0.1", port=0, context=served.context) as port:
        answer.send((port, made.material.authorities.decode()))
        await asyncio.Event().wait()


def bodies() -> dict[str, list[bytes]]:
    """Per path, what is sent."""
    creates = [vector.input["model_deployment"] for vector in load("validate", "create")]
    updates = [(vector.input["old"], vector.input["new"]) for vector in load("validate", "update")]
    reviews = [review("CREATE", obj) for obj in creates] + [
        review("UPDATE", new, old) for old, new in updates
    ]
    encoded = [json.dumps(entry).encode() for entry in reviews]
    return {names.MUTATING_PATH: encoded, names.VALIDATING_PATH: encoded}


async def measure(url: str, authority: str, path: str, sent: list[bytes], *, at_once: int) -> None:
    """Print one line."""
    taken: list[float] = []
    turn = itertools.cycle(sent)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority), limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(count: int) -> None:
            for _ in range(count):
                started = time.perf_counter()
                headers = {"Content-Type": "application/json"}
                async with session.post(url + path, data=next(turn), headers=headers) as answer:
                    assert answer.status == 200
                    await answer.read()
                taken.append((time.perf_counter() - started) * 1e3)

        await ask(WARM_UP)
        taken.clear()
        started = time.perf_counter()
        await asyncio.gather(*(ask(REQUESTS // at_once) for _ in range(at_once)))
        seconds = time.perf_counter() - started
    ordered = sorted(taken)
    print(
        f"{path.split('-')[0].strip('/'):9} {at_once:3} at once  {len(taken) / seconds:7.0f}/s   "
        f"median {statistics.median(ordered):6.2f} ms   99% {ordered[len(ordered) * 99 // 100]:6.2f} ms"
    )


def main() -> None:
    """Print one line per webhook and number of clients."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    port, authority = here.recv()
    for at_once in (1, 16):
        for path, sent in bodies().items():
            asyncio.run(measure(f"https://127.0.0.1:{port}", authority, path, sent, at_once=at_once))
    server.terminate()


if __name__ == "__main__":
    main()

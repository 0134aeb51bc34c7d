"""Worker and watcher in one process, for benchmarks."""

import asyncio

from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker


async def main() -> None:
    """Run until killed."""
    settings = Settings()
    providers = {name: provider for name, provider in installed_providers().items() if name == "kaito"}
    await asyncio.gather(
        run_worker(settings, providers=providers), run_watcher(settings, providers=providers)
    )


if __name__ == "__main__":
    asyncio.run(main())

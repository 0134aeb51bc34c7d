"""A pretend BuildKit daemon: the gRPC interface of the real one, for builds of the kind we ask for.

It downloads, checks, makes layers and pushes, but keeps everything in memory and runs nothing: HTTP sources,
copies, links, merges, and base images. Unlike the real daemon it counts the bytes of downloads, so that
somebody who tries the system out sees them move.
"""

from airunway.sandbox.buildkit.server import PretendBuildKit

__all__ = ["PretendBuildKit"]

"""An emulated Kubernetes API server, small and in-process, for the sandbox and for tests.

It keeps what controllers and kubectl rely on and nothing more; `tests/cluster` runs the same tests against it
and against a real kube-apiserver.
"""

from .faults import Faults
from .server import EmulatedCluster

__all__ = ["EmulatedCluster", "Faults"]

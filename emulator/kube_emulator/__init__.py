"""An emulated Kubernetes API server, small and in-process, for tests of controllers.

It keeps what controllers and kubectl rely on, and nothing more; its tests run against a real kube-apiserver
as well.
"""

from .faults import Faults
from .logs import PodLogs
from .server import EmulatedCluster

__all__ = ["EmulatedCluster", "Faults", "PodLogs"]

"""The real thing: etcd, kube-apiserver and kube-controller-manager, started for tests on loopback.

What passes on the emulated cluster can so be run on the real one. The idea is controller-runtime's `envtest`.
`ControlPlane` is the three together; `fixtures` is a pytest plugin over it.
"""

from .control_plane import ControlPlane as ControlPlane

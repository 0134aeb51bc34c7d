"""Pretend controllers for the sandbox: they make deployments run, or fail, without any container.

Each is an ordinary client of the Kubernetes API, with list and watch, so the same code works against the
emulated API and against a real kube-apiserver that has no nodes. How fast things happen is `Timing`, what
goes wrong is `faults`.
"""

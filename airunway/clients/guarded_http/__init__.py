"""The one HTTP client for whatever a tenant, a config or a server may point somewhere.

Hub endpoints, image registries, charts, CRD manifests and files of models: the host that is asked in the end
is decided by somebody else. So every hop of every request, redirects included, is judged before it is sent:

- its scheme is https; plain http only to an origin that an administrator named,
- its host is no name inside the cluster or the machine, whatever the cluster's domain is,
- the addresses that its name has now are public, and the connection goes to just those (no rebinding),
- behind a proxy the name is resolved and judged as well, though the proxy resolves it once more,
- what authorizes us stays with the origin it is for; there are no cookies and no .netrc,
- sizes and times are bounded.

What a setting names (a mirror, the hub, the own registry) may be inside: it is passed as `named`, and counts
with its scheme, host and port. `AIRUNWAY_INSIDE_HOSTS` lists what else may be.
"""

from airunway.clients.guarded_http.addresses import is_loopback, is_public
from airunway.clients.guarded_http.policy import OutboundPolicy, RequestRefused
from airunway.clients.guarded_http.session import GuardedHttp, GuardedSession

__all__ = ["GuardedHttp", "GuardedSession", "OutboundPolicy", "RequestRefused", "is_loopback", "is_public"]

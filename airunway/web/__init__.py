"""`airunway web`: AI Runway's HTTP API and the pages, for people.

app        the application                      process    a process that serves it
identity   who calls                            access     what the caller may do
sessions   signing in with a cookie             fleet      the cluster as it is now, without a request
answers    what answers look like               errors     what refusals look like
on_record  who made or changed a deployment
browser    what a browser must not be made do   routes/    AI Runway's API, a file a group
derive/    what answers say; pure               pages/     our own pages
shapes/    the types of answers                 documented what OpenAPI says of them
"""

"""Container image registries (API v2).

client      asks the registries that references name: which digest a tag stands for, a base image's config
storage     the registry that built model images are kept in: look up, verify, tag
http        requests to one of them: tokens, redirects, errors by meaning
references, documents   what references, manifests and configs say; pure
credentials, errors
"""

"""Whether what was rendered may run: allowed images and models, and signatures.

namespace_policies  the rules of each namespace, followed by a watch
verification_keys   the public keys, out of a Secret or ConfigMap
image_gate          the check itself, and the digests that are deployed then
rendered_trust      the check of one rendering, and what its status says of it
image_signer        signatures of the images that are built here
"""

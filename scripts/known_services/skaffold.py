"""What skaffold.yaml says of each service: its image, its release and the release's values in production. Pure."""

from collections.abc import Iterable, Iterator

from local.topology import Service

_CODE = (
    "Dockerfile, k8s/build.sh, requirements-trace.lock, services/__init__.py, services/__main__.py,"
    " services/published.json, services/services.toml, infirmary_streams, infirmary"
)


def images(services: Iterable[Service]) -> Iterator[str]:
    """Says how the image of each service is built, and of what."""
    for service in services:
        yield f"- image: infirmary-{service.name}"
        yield "  custom:"
        yield f"    buildCommand: sh k8s/build.sh service {service.name}"
        yield "    dependencies:"
        yield f"      paths: [{_CODE}, services/{service.name}]"
        yield "      ignore: *compiled"
        yield "  sync: *code-of-services"


def releases(services: Iterable[Service]) -> Iterator[str]:
    """Says what is deployed, and with which image."""
    for service in services:
        image = ", ".join(
            f'image.{part}: "{{{{.IMAGE_{variable}_infirmary_{service.name}}}}}"'
            for part, variable in (("repository", "REPO"), ("tag", "TAG"), ("digest", "DIGEST"))
        )
        yield f"- name: {service.name}"
        yield "  chartPath: charts/service"
        yield "  namespace: infirmary"
        yield f"  valuesFiles: [charts/services/{service.name}.yaml]"
        yield "  wait: true"
        yield f"  setValueTemplates: {{ {image}, <<: *relay }}"


def with_tls(services: Iterable[Service]) -> Iterator[str]:
    """Says of each release that TLS is on; a release is known by its place."""
    for place, _ in enumerate(services):
        yield f"- {{ op: add, path: /deploy/helm/releases/{place}/setValues, value: {{ tls.enabled: true }} }}"


def production_values(services: Iterable[Service]) -> Iterator[str]:
    """Says which further files of values each release has in production; a release is known by its place."""
    for place, service in enumerate(services):
        for file in ("all", service.name):
            path = f"/deploy/helm/releases/{place}/valuesFiles/-"
            yield f"- {{ op: add, path: {path}, value: charts/production/{file}.yaml }}"

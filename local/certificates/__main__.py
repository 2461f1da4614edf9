"""`python -m local.certificates HOST...`, in a pod: makes and renews the certificates of the namespace's servers."""

from datetime import UTC, datetime

import click

from local.certificates.keeping import InKubernetes, keep_certificates
from local.own_pod import kubernetes


@click.command()
@click.argument("hosts", nargs=-1, required=True)
def main(hosts: tuple[str, ...]) -> None:
    """Sees to it that each of the Services HOSTS has a certificate that holds for a while yet."""
    found = kubernetes()
    if found is None:
        raise click.ClickException("there is no account of Kubernetes here: run it in a pod that has one")
    with found[0] as client:
        written = keep_certificates(InKubernetes(client, found[1]), hosts, datetime.now(UTC))
    click.echo(f"Written: {', '.join(written) or 'nothing, all of them hold for a while yet'}")


if __name__ == "__main__":
    main()

"""Makes an authority and certificates, and says when one has to be made anew. Pure, but for chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LASTS: Final = timedelta(days=3650)
CERTIFICATE_LASTS: Final = timedelta(days=90)
RENEWED_BEFORE: Final = timedelta(days=30)
"""Its end. Long before it, as a server that has to be told of a new certificate is told once a day."""

CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes


def new_authority(now: datetime) -> Pair:
    """Returns an authority that nobody knows yet.

    Args:
        now: From when on it holds.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The authority of a hospital for development")])
    certificate = (
        _begun(name, name, key.public_key(), now, AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )
    return _pair(certificate, key)


def issued(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    """Returns a server's certificate.

    Args:
        authority: Who vouches for it.
        names: By which clients call the server: host names and addresses, the first of which is its common one.
        now: From when on it holds.

    Raises:
        ValueError: What should be an authority's certificate and key is none.
    """
    signer = load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key should be one of an elliptic curve")
    by = x509.load_pem_x509_certificate(authority.certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        _begun(name, by.subject, key.public_key(), now, CERTIFICATE_LASTS, signer.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        .sign(signer, SHA256())
    )
    return _pair(certificate, key)


def must_be_made(certificate: bytes | None, authority: Pair, names: Sequence[str], now: datetime) -> bool:
    """Says whether a server needs another certificate than the one it has.

    Args:
        certificate: As PEM; None if it has none.
        authority: Who has to vouch for it.
        names: All that it has to be for, and nothing else.
        now: The time.
    """
    if certificate is None:
        return True
    try:
        has = x509.load_pem_x509_certificate(certificate)
        has.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
        found = has.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return True
    return set(found) != {_general(each) for each in names} or has.not_valid_after_utc - now < RENEWED_BEFORE


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    lasts: timedelta,
    issuers_key: ec.EllipticCurvePublicKey | None = None,
) -> x509.CertificateBuilder:
    """Returns what the certificates of an authority and of a server have in common.

    Both say whose key it is and who signed with which: Python 3.13 refuses those that do not.
    """
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_key or key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(of_issuer, critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Returns what a key is for: an authority's for certificates alone, a server's for all else that is signed."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )

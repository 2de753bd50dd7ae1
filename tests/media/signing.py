"""Signs pictures and films with Content Credentials under a certificate made on the spot.

Nothing here is trusted by anyone: the chain is new each time, and its key is forgotten.
"""

import datetime
import io
from collections.abc import Mapping
from typing import NamedTuple

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DAY = datetime.timedelta(days=1)
Manifest = dict[str, object]


class Chain(NamedTuple):
    """PEM bytes. certificates: the signer's, then its issuer's. root: the issuer's alone."""

    certificates: bytes
    key: bytes
    root: bytes


def make_chain(organisation: str = "Example Newsroom") -> Chain:
    """Make a root and a signer that follow the C2PA certificate profile (e-mail protection)."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, subject = _name("Example Root"), _name(organisation)
    root = _builder(issuer, issuer, root_key, ca=True).sign(root_key, hashes.SHA256())
    builder = _builder(subject, issuer, key, ca=False)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
    ).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
    )
    leaf = builder.sign(root_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return Chain(
        leaf.public_bytes(pem) + root.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        root.public_bytes(pem),
    )


def _name(organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, organisation),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def created(code: str, program: str = "Example Program") -> Manifest:
    """A manifest with one step: created, from the given digital source type."""
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE + code}
    return manifest([action], program)


def manifest(actions: list[dict[str, str]], program: str = "Example Program") -> Manifest:
    """A manifest with a list of actions."""
    return {
        "claim_generator_info": [{"name": program, "version": "1.0"}],
        "title": "example",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def sign(
    data: bytes,
    mime: str,
    content: Mapping[str, object],
    chain: Chain,
    parent: bytes | None = None,
) -> bytes:
    """Give back the media bytes with the manifest signed into them.

    parent: bytes of the same kind that the result was derived from, kept as an ingredient.
    """
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain.certificates, chain.key, None)
    out = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(dict(content)) as builder:
        if parent is not None:
            ingredient = {"title": "original", "relationship": "parentOf"}
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # puts the step "opened" first
            builder.add_ingredient(ingredient, mime, io.BytesIO(parent))
        builder.sign(signer, mime, io.BytesIO(data), out)
    return out.getvalue()

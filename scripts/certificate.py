"""Makes DIR/cert.pem and DIR/key.pem for NAMES, signed by itself: certificate.py DIR NAME..."""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
key = ec.generate_private_key(ec.SECP256R1())
called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder()
    .subject_name(called)
    .issuer_name(called)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - datetime.timedelta(days=1))
    .not_valid_after(now + datetime.timedelta(days=30))
    .add_extension(x509.SubjectAlternativeName([name(one) for one in names]), False)
    .sign(key, hashes.SHA256())
)
pem = serialization.Encoding.PEM
(folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
plain, form = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
(folder / "key.pem").write_bytes(key.private_bytes(pem, form, plain))
(folder / "key.pem").chmod(0o600)

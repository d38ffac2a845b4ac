"""
sidecar.callers.certificate
"""

from typing import Any

import pytest

from sidecar.callers.certificate import name, named

CN = ((("organizationName", "o"),), (("commonName", "cn"),))


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ({"subjectAltName": (("DNS", "d"), ("URI", "spiffe://u"), ("URI", "v"))}, "spiffe://u"),
        ({"subject": CN, "subjectAltName": (("IP Address", "::1"), ("DNS", "d"))}, "d"),
        ({"subject": CN, "subjectAltName": (("email", "a@b"),)}, "cn"),
        ({"subject": CN}, "cn"),
        ({"subject": ((("organizationName", "o"),),)}, None),
        ({"subject": ((("commonName", ""),),), "subjectAltName": (("DNS", ""),)}, None),
        ({}, None),
    ],
)
def test_the_name_of_a_certificate(certificate: dict[str, Any], expected: str | None):
    """
    A URI comes before a DNS name, and that before the common name; others name nobody.
    """
    assert named(certificate) == expected


@pytest.mark.parametrize("environ", [{}, {"gunicorn.socket": None}])
def test_without_tls_nobody_is_named(environ: dict[str, Any]):
    """
    A connection without TLS has no certificate.
    """
    assert name(environ) is None

"""TLS on a socket: its settings, its failures, and the records that Asterisk reads at once.

Rule: ``ssl`` is imported in functions alone, so that only those who use TLS load it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

    from django_ami.core.config import TLSConfig

__all__ = [
    "certificate_cure",
    "handshake_failure",
    "reason_of",
    "record_size",
    "tls_context",
    "wants_more",
    "wants_to_write",
]

#: Asterisk takes at most so many bytes out of its TLS layer, and then waits for the socket,
#: whatever is left in the layer (get_input in main/manager.c: a buffer for one line, and
#: ast_wait_for_input on the file descriptor).
RECORD_BYTES: Final = 1024


# --- settings ---


def tls_context(tls: TLSConfig) -> ssl.SSLContext:
    """The TLS settings of a server. Raises ConfigurationError if a file cannot be read."""
    import ssl

    context = ssl.create_default_context()
    if tls.verify and not (tls.ca_file or tls.fingerprint):
        _check_authorities(context)
    if tls.fingerprint or not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.minimum_version is not None:
        _set_minimum_version(context, tls.minimum_version)
    _load(tls.ca_file, "CA_FILE", lambda path: context.load_verify_locations(cafile=path))
    _load(tls.cert_file, "CERT_FILE", lambda path: context.load_cert_chain(path, tls.key_file))
    return context


def _set_minimum_version(context: ssl.SSLContext, version: str) -> None:
    import ssl
    import warnings

    if version in ("TLSv1", "TLSv1.1"):
        # They need SHA-1, which OpenSSL 3 takes at its lowest level alone, and ciphers that Python
        # leaves out.
        context.set_ciphers("DEFAULT:!aNULL:!eNULL:@SECLEVEL=0")
    with (
        warnings.catch_warnings()
    ):  # Python says that they are old; that is why they have to be asked for
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[version.replace(".", "_")]


def _check_authorities(context: ssl.SSLContext) -> None:
    """Check the system's file: OpenSSL does not tell that it cannot open it, and trusts nobody.

    The files of a directory are looked for when they are needed, so an empty store is right where
    there is no such file.
    """
    import ssl

    path = ssl.get_default_verify_paths().cafile
    if path is not None and not context.cert_store_stats()["x509_ca"]:
        _load(path, None, lambda path: context.load_verify_locations(cafile=path))


def _load(path: str | None, key: str | None, load: Any) -> None:
    if path is None:
        return
    try:
        load(path)
    except OSError as error:  # SSLError is one
        reason = (
            error.strerror
            if error.errno in errno.errorcode and not hasattr(error, "reason")
            else "not a valid PEM file"
        )
        what = "the authorities of the system" if key is None else f"TLS key {key!r}"
        raise ConfigurationError(f"{what}: {path} cannot be used: {reason}.") from None


# --- records ---


def record_size(data: bytearray, start: int) -> int:
    """How many bytes from ``start`` on go into the next record.

    These are whole lines, as many as Asterisk takes at once.

    A record that is longer, or that ends within a line, leaves a rest in the server's TLS layer: it
    is carried out when the next record comes, or never. ``data`` is whole lines of at most
    ``RECORD_BYTES`` (``protocol.encode`` sees to it: 1,022 and CR LF), so one always fits.
    """
    end = len(data)
    if end - start > RECORD_BYTES:
        end = data.rfind(b"\n", start, start + RECORD_BYTES) + 1 or start + RECORD_BYTES
    return end - start


# --- failures ---

#: The reasons that OpenSSL gives for a server without TLS, and for one whose versions of TLS are
#: all too old.
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})
_OLD_TLS: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"}
)
_OLD_CURE: Final = (
    "update OpenSSL on the server, or set the TLS key MINIMUM_VERSION to 'TLSv1', which is weak."
)


def wants_more(error: OSError) -> bool:
    """True if TLS waits for the socket: nothing has failed."""
    # Named, not imported: ssl is loaded only by those who use TLS.
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")


def wants_to_write(error: OSError) -> bool:
    """True if TLS waits for the socket to take bytes, whatever was asked of it."""
    return type(error).__name__ == "SSLWantWriteError"


def handshake_failure(peer: str, tls: TLSConfig | None, error: OSError) -> str:
    """Why there is no TLS with this peer, and what to do."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {peer} is refused: {error.verify_message.rstrip('.')}; "
            f"{_verification_cure(error)}"
        )
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return f"{peer} hung up in the TLS handshake: is it a TLS port?"
    reason = reason_of(error)
    if reason in _NO_TLS:
        return (
            f"{peer} does not speak TLS: is it the plain port? Use the TLS port (5039), or "
            "remove TLS."
        )
    if reason in _OLD_TLS:
        least = (tls and tls.minimum_version) or "TLSv1.2"
        return f"{peer} does not speak {least} or later ({reason}): {_OLD_CURE}"
    return f"the TLS handshake with {peer} failed ({reason}){certificate_cure(reason)}"


def _verification_cure(error: ssl.SSLCertVerificationError) -> str:
    what = error.verify_message
    if "expired" in what:
        return "renew it on the server."
    if "match" in what:
        return "set the TLS key SERVER_HOSTNAME to the name in it."
    if "too weak" in what:
        return "make a stronger one on the server, or set the TLS key FINGERPRINT to its SHA-256."
    return "set the TLS key CA_FILE to the authority that signed it, or FINGERPRINT to its SHA-256."


def certificate_cure(reason: str) -> str:
    """The end of the message about a TLS alert."""
    if not any(word in reason for word in ("HANDSHAKE_FAILURE", "CERTIFICATE", "UNKNOWN_CA")):
        return "."
    cure = ": does it demand a certificate of ours? The TLS keys CERT_FILE and KEY_FILE name one."
    return (
        f"{cure} Or are its ciphers old? Then {_OLD_CURE}"
        if "HANDSHAKE_FAILURE" in reason
        else cure
    )


def reason_of(error: OSError) -> str:
    """The shortest word for what has failed."""
    return getattr(error, "reason", None) or error.strerror or type(error).__name__

"""What TLS adds to a socket: its settings, what its failures mean, and the records that Asterisk reads at once.

Rule: ``ssl`` is imported in functions alone, so that only those who use TLS load it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

    from django_ami.core.config import TLSConfig

__all__ = ["certificate_cure", "handshake_failure", "reason_of", "record_size", "tls_context", "wants_more"]

#: Asterisk takes at most so many bytes out of its TLS layer, and then waits for the socket, whatever is left in the
#: layer (get_input in main/manager.c: a buffer for one line, and ast_wait_for_input on the file descriptor).
RECORD_BYTES: Final = 1024


# --- settings ---


def tls_context(tls: TLSConfig) -> ssl.SSLContext:
    """The TLS settings of a server. Raises ConfigurationError if a file cannot be read."""
    import ssl

    context = ssl.create_default_context()
    if tls.fingerprint or not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _load(tls.ca_file, "CA_FILE", lambda path: context.load_verify_locations(cafile=path))
    _load(tls.cert_file, "CERT_FILE", lambda path: context.load_cert_chain(path, tls.key_file))
    return context


def _load(path: str | None, key: str, load: Any) -> None:
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
        raise ConfigurationError(f"TLS key {key!r}: {path} cannot be used: {reason}.") from None


# --- records ---


def record_size(data: bytearray, start: int) -> int:
    """How many of the bytes from ``start`` on go into the next record: whole lines, as many as Asterisk takes at once.

    A record that is longer, or that ends within a line, leaves a rest in the server's TLS layer: it is carried out when
    the next record comes, or never. ``data`` is whole lines of at most ``RECORD_BYTES`` (``protocol.encode`` sees to
    it: 1,022 and CR LF), so one always fits.
    """
    end = len(data)
    if end - start > RECORD_BYTES:
        end = data.rfind(b"\n", start, start + RECORD_BYTES) + 1 or start + RECORD_BYTES
    return end - start


# --- failures ---


def wants_more(error: OSError) -> bool:
    """True if TLS waits for the socket: nothing has failed."""
    # Named, not imported: ssl is loaded only by those who use TLS.
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")


def handshake_failure(peer: str, error: OSError) -> str:
    """Why there is no TLS with this peer, and what to do."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        what = error.verify_message
        cure = "set the TLS key CA_FILE to the authority that signed it, or FINGERPRINT to its SHA-256."
        if "expired" in what:
            cure = "renew it on the server."
        elif "match" in what:
            cure = "set the TLS key SERVER_HOSTNAME to the name in it."
        return f"the certificate of {peer} is refused: {what}; {cure}"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        if error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
            return f"{peer} does not speak TLS: is it the plain port? Use the TLS port (5039), or take TLS away."
        cure = certificate_cure(error.reason or "")
        return f"the TLS handshake with {peer} failed ({error.reason or error.strerror}){cure}"
    return f"{peer} hung up in the TLS handshake: is it a TLS port?"


def certificate_cure(reason: str) -> str:
    """The end of the message about a TLS alert."""
    if any(word in reason for word in ("HANDSHAKE_FAILURE", "CERTIFICATE", "UNKNOWN_CA")):
        return ": does it demand a certificate of ours? The TLS keys CERT_FILE and KEY_FILE name one."
    return "."


def reason_of(error: OSError) -> str:
    """The shortest word for what has failed."""
    return getattr(error, "reason", None) or error.strerror or type(error).__name__

"""The end of a job's log: text behind a redirect to a storage host that must not see our token."""

from bot.core.secret import Secret

MOST_READ = 64 << 20
"""Bytes of a log that are read to reach its end."""
MOST_KEPT = 64 << 10
CHUNK = 64 << 10
TIMEOUT = 20.0


def end_of_log(address: str, token: Secret) -> str:
    """The last `MOST_KEPT` bytes of what is at `address`; empty when it can't be had.

    `requests` leaves the token out when a redirect leads to another host (Session.rebuild_auth).
    """
    if not token.is_sendable:
        return ""
    import requests  # noqa: PLC0415 (what PyGithub stands on; most runs read no log)

    kept, seen = b"", 0
    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/vnd.github+json"}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code != requests.codes.ok:
                return ""
            for chunk in answer.iter_content(CHUNK):
                kept, seen = (kept + chunk)[-MOST_KEPT:], seen + len(chunk)
                if seen > MOST_READ:
                    break
    except requests.RequestException:
        return ""
    return token.out_of(kept.decode("utf-8", "replace"))

"""The pages of the manifest flow, as text. Everything from outside is escaped; no script, no other address."""

import base64
import hashlib
import json
from html import escape
from typing import Final

from bot.core.model import Json
from bot.server.setup.manifest import EVENTS, PERMISSIONS, NewApp

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; font-weight: 600; } code { font-size: .9em; background: #f0f1f3; padding: .1em .35em; border-radius: 4px; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { text-align: left; padding: .25rem 1.5rem .25rem 0; vertical-align: top; }
th { font-weight: 600; color: #59636e; } tr + tr { border-top: 1px solid #d1d9e0; }
button, .button { display: inline-block; font: inherit; font-weight: 600; color: #fff; background: #1f883d; border: 0; border-radius: 6px; padding: .5rem 1rem; cursor: pointer; text-decoration: none; }
button:focus-visible, .button:focus-visible { outline: 3px solid #0969da; outline-offset: 2px; } .dim { color: #59636e; }
"""

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def headers(server_url: str) -> dict[str, str]:
    """Of every page. Forms go to GitHub only; `https:` besides, for GitHub may send a person on to log in elsewhere."""
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action {server_url} https:; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "strict-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def start_page(action: str, made: Json) -> str:
    """The one button. `action` is GitHub's address for new Apps, with the state in it."""
    hook = made.get("hook_attributes", {}).get("url", "")
    events = ", ".join(EVENTS) if hook else "none: the server polls"
    rights = ", ".join(f"{area}: {level}" for area, level in sorted(PERMISSIONS.items()))
    body = f"""
<p>GitHub makes the App from what is below. Nothing is sent before you press the button, and GitHub asks once more.</p>
<table>
<tr><th>Name</th><td>{escape(str(made["name"]))} <span class="dim">(you can change it on the next page)</span></td></tr>
<tr><th>Webhook</th><td>{f"<code>{escape(hook)}</code>" if hook else "none"}</td></tr>
<tr><th>May</th><td>{escape(rights)}</td></tr>
<tr><th>Is told of</th><td>{escape(events)}</td></tr>
<tr><th>Visible</th><td>to the owner only</td></tr>
</table>
<form method="post" action="{escape(action)}">
<input type="hidden" name="manifest" value="{escape(json.dumps(made))}">
<button type="submit">Create App on GitHub</button>
</form>
<p class="dim">Its key and webhook secret come back to this machine and are written to files that only you can read.</p>"""
    return _page("A GitHub App for ai-ready", body)


def done_page(app: NewApp, env_file: str) -> str:
    """The App exists; where to install it, and what comes then."""
    body = f"""
<p>The App <strong>{escape(app.name)}</strong> exists. Its key and secret are in <code>{escape(env_file)}</code>
and beside it.</p>
<p><a class="button" href="{escape(app.install_url)}">Install it on repositories</a></p>
<p>Then, in the terminal: <code>ai-ready setup --repo owner/name --mode server</code> for each repository, and
<code>ai-ready doctor</code>. You can close this page.</p>"""
    return _page("The App is there", body)


def refused_page(sentence: str) -> str:
    """What went wrong, in one sentence."""
    return _page("That did not work", f"\n<p>{escape(sentence)}</p>")


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>{body}
</body>
</html>
"""

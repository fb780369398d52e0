"""What every page stands on: who looks, the templates, forms that only our own pages may send.

Nothing active from issues, comments or logs gets into a page.
"""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from bot.sandbox.door import refused
from bot.sandbox.errors import Refused
from bot.sandbox.prose import log_lines, rendered, told
from bot.sandbox.records import Comment, Review, TimelineEvent, User
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'{}; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@cache
def templates() -> Environment:
    """Every page's template, with the words they use."""
    loader = PackageLoader("bot.sandbox", "templates")
    made = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"log_lines": log_lines, "told": told, "ago": lambda moment: moment.strftime("%d %b %H:%M:%S")}
    made.tests |= {
        "comment": lambda one: isinstance(one, Comment),
        "review": lambda one: isinstance(one, Review),
        "happening": lambda one: isinstance(one, TimelineEvent),
    }
    return made


def hub_of(request: Request) -> "Hub":
    """The GitHub that is asked."""
    hub: Hub = request.scope["sandbox.hub"]
    return hub


def people_of(hub: "Hub") -> list[User]:
    """Whom one may act as."""
    return [user for user in hub.users.values() if user.type == "User" and user is not hub.ghost]


def me_of(request: Request) -> Token:
    """Who looks: the person of the cookie, else the first one."""
    hub = hub_of(request)
    wanted = request.cookies.get("person", "")
    people = people_of(hub)
    if not people:
        return hub.tokens.anonymous()
    return hub.person(next((one.login for one in people if one.login == wanted), people[0].login))


def show(request: Request, template: str, *, leads_to: str = "", **facts: Any) -> HTMLResponse:
    """A page. `leads_to`: the one other origin to which a form of it may redirect."""
    hub = hub_of(request)
    with hub.lock:
        me, people = me_of(request).user, people_of(hub)
        common = {"hub": hub, "me": me, "people": people, "path": request.url.path, "md": rendered}
        html = templates().get_template(template).render(common | facts)
    policy = POLICY.format(f" {leads_to}" if leads_to else "")
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})


def refusal_page(request: Request, error: Exception) -> Response:
    """A refusal, for people."""
    assert isinstance(error, Refused)
    if error.status == 301:
        said = refused(error)
        return Response(status_code=301, headers={key.decode(): value.decode() for key, value in said.headers})
    page = show(request, "refused.html", status=error.status, message=error.message, errors=error.errors or [])
    page.status_code = error.status
    return page


async def form_fields(request: Request) -> dict[str, str]:
    """A form's fields, wherever it came from; the last of a repeated one."""
    fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}


async def _own_form(request: Request) -> dict[str, str]:
    """The form's fields, if it came from our own pages."""
    origin = request.headers.get("origin", hub_of(request).url)
    if origin != hub_of(request).url:
        raise Refused(403, "Forms of other sites are refused.")
    return await form_fields(request)


Form = Annotated[dict[str, str], Depends(_own_form)]
ForeignForm = Annotated[dict[str, str], Depends(form_fields)]
"""Also from other sites: nothing may be done for it before a person has pressed a button of ours."""


def go_to(path: str) -> RedirectResponse:
    """After a form."""
    return RedirectResponse(path, status_code=303)

"""The demo's repository: a small shop in Python, its issues, and what the scripted model does about each."""

from dataclasses import dataclass

from bot.sandbox.model import Scene, Script, bash, done, edit, needs_input, read, say, write

REPO = "acme/shop"
MAINTAINER = "rita"
VISITOR = "mallory"

CONFIG = """\
agent: {{model: sonnet, isolation: {isolation}}}
limits: {{usd: 1, minutes: 5, concurrent: 2}}
checks: {{test: "python3 -m unittest -q"}}
"""

FILES = {
    "README.md": "# Shop\n\nA cart, and soon a receipt.\n",
    "shop/__init__.py": '"""A small shop."""\n',
    "shop/cart.py": '''\
"""What a customer is about to buy."""


class Cart:
    """Items with their prices, in cents."""

    def __init__(self) -> None:
        self.items: list[tuple[str, int]] = []

    def add(self, name: str, cents: int) -> None:
        """Put one item into the cart."""
        self.items.append((name, cents))
''',
    "tests/__init__.py": "",
    "tests/test_cart.py": """\
import unittest

from shop.cart import Cart


class CartTest(unittest.TestCase):
    def test_it_keeps_what_was_added(self) -> None:
        cart = Cart()
        cart.add("tea", 450)
        self.assertEqual([("tea", 450)], cart.items)
""",
}


@dataclass(frozen=True, slots=True)
class DemoIssue:
    """One issue of the demo."""

    title: str
    body: str
    shows: str
    """What happens to it when the model keeps to its script."""
    labelled: bool = True


ISSUES = (
    DemoIssue(
        "META: Shop",
        "What is planned for the shop. This one is a tracker: it is never worked on.",
        "a tracker: never worked on; it becomes the board of its series, and is closed with the last issue of it",
        labelled=False,
    ),
    DemoIssue(
        "[SHOP-1.1] Add up the prices in a cart",
        "A cart should know what it costs.\n\n## Acceptance criteria\n- [ ] `Cart.total()` returns the sum in cents\n"
        "- [ ] an empty cart costs 0\n\n## Test steps\n1. `python3 -m unittest`",
        "first of its phase: starts at once",
    ),
    DemoIssue(
        "[SHOP-1.2] Ten per cent off from three items",
        "From three items on the total is 10 % lower, rounded down.\n\n## Acceptance criteria\n"
        "- [ ] two items cost the full price\n- [ ] three items cost 90 %",
        "waits for 1.1; the agent says done too early, our own run of the tests sends it back",
    ),
    DemoIssue(
        "[SHOP-2.1] Print a receipt",
        "One line an item and the total at the end.\n\nDepends on #3.\n\n## Acceptance criteria\n"
        "- [ ] `receipt(cart)` returns text with one line an item\n- [ ] the last line is the total",
        "phase 2: waits for all of phase 1",
    ),
    DemoIssue(
        "[MAIL-1.1] Send the receipt by mail",
        "Customers want the receipt in their inbox.",
        "a series of its own: starts at once; says too little, so it ends Blocked with a question",
    ),
)

_TOTAL = '''
    def total(self) -> int:
        """What it all costs, in cents."""
        return sum(cents for _, cents in self.items)
'''

_TOTAL_TEST = """
    def test_the_total_is_the_sum(self) -> None:
        cart = Cart()
        self.assertEqual(0, cart.total())
        cart.add("tea", 450)
        cart.add("cup", 1200)
        self.assertEqual(1650, cart.total())
"""

_LAST_ADD = "        self.items.append((name, cents))\n"
_LAST_TEST = '        self.assertEqual([("tea", 450)], cart.items)\n'
_SUM = "        return sum(cents for _, cents in self.items)\n"
_SUM_TEST = "        self.assertEqual(1650, cart.total())\n"

_DISCOUNT_TEST = """
    def test_three_items_are_ten_per_cent_off(self) -> None:
        cart = Cart()
        for name in ("tea", "cup", "pot"):
            cart.add(name, 1000)
        self.assertEqual(2700, cart.total())

    def test_two_items_cost_the_full_price(self) -> None:
        cart = Cart()
        cart.add("tea", 1000)
        cart.add("cup", 1000)
        self.assertEqual(2000, cart.total())
"""

_RECEIPT = '''\
"""What the customer gets to read."""

from shop.cart import Cart


def receipt(cart: Cart) -> str:
    """One line an item, and the total as the last line."""
    lines = [f"{name}: {cents / 100:.2f}" for name, cents in cart.items]
    return "\\n".join([*lines, f"total: {cart.total() / 100:.2f}"])
'''

_RECEIPT_TEST = """\
import unittest

from shop.cart import Cart
from shop.receipt import receipt


class ReceiptTest(unittest.TestCase):
    def test_one_line_an_item_and_the_total_last(self) -> None:
        cart = Cart()
        cart.add("tea", 450)
        self.assertEqual("tea: 4.50\\ntotal: 4.50", receipt(cart))
"""


_ANSWERED = "The maintainer who started this run adds"
"""How the prompt begins the words after `/ai retry`."""

_MAIL = '''\
"""The receipt, in the customer's inbox."""

import smtplib
from email.message import EmailMessage


def message(receipt: str, to: str) -> EmailMessage:
    """The mail for one customer."""
    made = EmailMessage()
    made["To"], made["From"], made["Subject"] = to, "shop@example.com", "Your receipt"
    made.set_content(receipt)
    return made


def mail(receipt: str, to: str, *, host: str) -> None:
    """Send it through `host`."""
    with smtplib.SMTP(host) as server:
        server.send_message(message(receipt, to))
'''

_MAIL_TEST = """\
import unittest

from shop.mail import message


class MailTest(unittest.TestCase):
    def test_it_goes_to_the_customer(self) -> None:
        made = message("total: 4.50", "ann@example.com")
        self.assertEqual("ann@example.com", made["To"])
        self.assertEqual("total: 4.50", made.get_content().strip())
"""


def script() -> Script:
    """What the scripted model does; everything it calls is really done by the Claude CLI, and really checked by us.

    A scene is found by words of the issue's body: titles also stand in the commits that the CLI shows the model.
    """
    return Script(
        Scene(
            "A cart should know what it costs.",
            say("The cart has no total yet; I'll add it with a test.")
            + read("shop/cart.py")
            + read("tests/test_cart.py"),
            edit("shop/cart.py", _LAST_ADD, _LAST_ADD + _TOTAL)
            + edit("tests/test_cart.py", _LAST_TEST, _LAST_TEST + _TOTAL_TEST),
            bash("python3 -m unittest -q"),
            done("Added `Cart.total()`, with tests for an empty and a filled cart."),
        ),
        Scene(
            "From three items on the total is 10 % lower",
            read("shop/cart.py") + read("tests/test_cart.py"),
            # Wrong on purpose (more than three, not from three): our own run of the tests sends it back.
            edit("shop/cart.py", _SUM, _discount(">"))
            + edit("tests/test_cart.py", _SUM_TEST, _SUM_TEST + _DISCOUNT_TEST),
            done("From three items on the total is ten per cent lower."),
            say("The test is right: *from* three, not *above* three.") + edit("shop/cart.py", "> 3", ">= 3"),
            done("From three items on the total is ten per cent lower; the boundary was off by one at first."),
        ),
        Scene(
            "One line an item and the total at the end.",
            read("shop/cart.py"),
            write("shop/receipt.py", _RECEIPT) + write("tests/test_receipt.py", _RECEIPT_TEST),
            bash("python3 -m unittest -q"),
            done("Added `receipt(cart)` in its own module, with a test."),
        ),
        Scene(
            "Customers want the receipt in their inbox.",
            write("shop/mail.py", _MAIL) + write("tests/test_mail.py", _MAIL_TEST),
            bash("python3 -m unittest -q"),
            done("With your answer: `mail(receipt, to, host=…)` sends it by SMTP."),
            also=_ANSWERED,
        ),
        Scene(
            "Customers want the receipt in their inbox.",
            read("shop/cart.py"),
            needs_input(
                "Which mail service should be used, and where do its credentials live? The issue does not say."
            ),
        ),
        Scene(
            "",
            needs_input(
                "This model is a script that knows the demo's own issues only. "
                "`make demo ARGS=--live`, with ANTHROPIC_API_KEY set, does this one, too."
            ),
        ),
    )


def _discount(sign: str) -> str:
    return (
        "        full = sum(cents for _, cents in self.items)\n"
        f"        return full * 9 // 10 if len(self.items) {sign} 3 else full\n"
    )

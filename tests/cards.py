"""A reader at the exercises of the built site: a web server that shows it, and a card used by keyboard and mouse."""

from http.server import SimpleHTTPRequestHandler

RIGHT = "def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / np.sqrt(var + eps)\n"
WRONG = RIGHT.replace("np.sqrt(var + eps)", "(np.sqrt(var) + eps)")


class Site(SimpleHTTPRequestHandler):
    """A web server that notes what it is asked for."""

    asked: list[str] = []

    def log_message(self, *_):
        self.asked.append(self.path)


class Card:
    """The card of an exercise on an open page, used as a reader does."""

    def __init__(self, page, number):
        self.page, self.card = page, page.locator(f"#exercise-{number.replace('.', '-')}")
        if not self.card.evaluate("card => card.open"):
            self.card.locator("summary").click()
        self.editor = self.card.locator(".cm-content")
        self.editor.wait_for()

    def write(self, text):
        self.editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def press(self, name):
        self.card.get_by_role("button", name=name, exact=True).click()

    def check(self, text=None):
        """What the card says after Check: the report, or why there is none."""
        if text is not None:
            self.write(text)
        self.press("Check")
        return self.told()

    def told(self):
        self.page.wait_for_function(
            "card => card.querySelector('.tools .primary[aria-disabled=false]')", arg=self.card.element_handle()
        )
        return self.card.locator(".status").first.inner_text() or self.card.locator(".result").inner_text()


def opened(context, site, stem="03_normalize"):
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{site}/book/{stem}.html")
    page.errors = errors
    return page


def wait_for_text(place, text):
    """Wait until a place of the page shows a text: what another page has stored may come after the page is loaded."""
    place.filter(has_text=text).wait_for()

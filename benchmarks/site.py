"""Weight, requests and scores of every page of the built site: python benchmarks/site.py [--lighthouse] [PAGE ...].

Scores need Node and `npm install -g lighthouse`. Weight is what a server that compresses would send for a first visit.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bncourse.publishing import pdf
from bncourse.publishing.site import SITE

KINDS = {"performance": "perf", "accessibility": "a11y", "best-practices": "best", "seo": "SEO"}
DEVICES = ("phone", "desktop")
SLOWDOWN = 4  # by how much Lighthouse makes a quiet machine slower, to be a phone
QUIET = 2500  # the least benchmark index of a quiet machine; one that does other things is slow without help
TEXTS = {".html", ".js", ".css", ".svg", ".json", ".txt"}


class Compressing(SimpleHTTPRequestHandler):
    """Serves files as a web server does that compresses text."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXTS or not path.is_file():
            super().do_GET()
            return
        content = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(content)


def weigh(page: Page, url: str, root: Path) -> tuple[float, int]:
    """Compressed kB and number of requests of a first visit."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url, wait_until="networkidle")
    weight = 0
    for request in dict.fromkeys(requests):
        path = root / request.split("?")[0].split("#")[0].removeprefix(url.split("/book/")[0]).lstrip("/")
        if path.is_file():
            content = path.read_bytes()
            weight += len(gzip.compress(content, 6)) if path.suffix in TEXTS else len(content)
    return weight / 1000, len(set(requests))


def lighthouse(url: str, device: str, index: float = QUIET) -> tuple[dict[str, int], float]:
    """Lighthouse's four scores, 0 to 100, for a "phone" or a "desktop"; and the machine's benchmark index meanwhile.

    With the `index` of an earlier run a machine that was busy then is slowed down less, down to not at all.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = ["lighthouse", url, "--quiet", "--output=json", f"--output-path={report.name}"]
        command += [f"--only-categories={','.join(KINDS)}", f"--chrome-flags=--headless {' '.join(pdf.FLAGS)}"]
        slower = max(1, SLOWDOWN * min(1, index / QUIET))
        command += ["--preset=desktop" if device == "desktop" else f"--throttling.cpuSlowdownMultiplier={slower:.2f}"]
        subprocess.run(command, check=True, capture_output=True)
        result = json.loads(Path(report.name).read_text())
    scores = {kind: round(100 * (result["categories"][kind]["score"] or 0)) for kind in KINDS}
    return scores, result["environment"]["benchmarkIndex"]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a site in `folder`, served as long as the context lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Compressing, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help="stems such as 03_normalize; else all")
    parser.add_argument("--lighthouse", action="store_true", help="scores too, half a minute a page")
    options = parser.parse_args()
    names = options.pages or sorted(path.stem for path in (SITE / "book").glob("*.html"))
    scores = [f"{device} {kind}" for device in DEVICES for kind in KINDS.values()]
    head = ["page", "kB", "requests", *(scores if options.lighthouse else ())]
    print("| " + " | ".join(head) + " |\n" + "| --- " * len(head) + "|")
    with sync_playwright() as playwright, serving(SITE) as address:
        executable = next(filter(None, map(shutil.which, pdf.BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=executable, args=pdf.FLAGS)
        for name in names:
            url = f"{address}/book/{name}.html"
            page = browser.new_context().new_page()
            weight, requests = weigh(page, url, SITE)
            page.close()
            row = [name, f"{weight:.0f}", str(requests)]
            for device in DEVICES if options.lighthouse else ():
                row += map(str, lighthouse(url, device)[0].values())
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Links of a built site that lead nowhere."""

from pathlib import Path

from bs4 import BeautifulSoup


def dead_links(site: Path, pages: dict[str, BeautifulSoup], but: str = "") -> list[tuple[str, str]]:
    """(page, link) of each link inside the site to a file or a place in a page that is not there.

    `pages` are parsed, by their paths within the site. Tags that the selector `but` finds are left out.
    """
    targets = {site / path: {tag["id"] for tag in soup.select("[id]")} for path, soup in pages.items()}
    dead = []
    for path, soup in pages.items():
        left_out = soup.select(but) if but else []
        for tag in soup.select("[href], [src]"):
            link = str(tag.get("href") or tag.get("src") or "")
            if not link or ":" in link or link == "#" or tag in left_out:
                continue
            file, _, fragment = link.partition("#")
            target = (site / path).parent.joinpath(file.partition("?")[0]).resolve() if file else site / path
            if not target.is_file() or (fragment and target in targets and fragment not in targets[target]):
                dead.append((path, link))
    return dead

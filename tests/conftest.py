"""How tests are dealt out where several processes run them: files whose tests share something stay together."""

from pathlib import PurePath

# Each of these groups is run by one process: its tests share what takes long to make.
GROUPS = {
    "test_site": "book", "test_ledger": "book", "test_interactive": "book", "test_lighthouse": "book",
    "test_playground": "playground",
    "test_grading_hostile": "hostile", "test_grading_nbgrader": "nbgrader", "test_grading_gradescope": "gradescope",
}  # fmt: skip


def pytest_xdist_make_scheduler(config, log):
    """Like `--dist loadgroup`, whose own marks pytest 9.2 no longer passes on to the scheduler."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return GROUPS.get(PurePath(nodeid.partition("::")[0]).stem, nodeid)

    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items):
    """The tests that share the most go first."""
    places = list(GROUPS)
    items.sort(key=lambda item: places.index(item.path.stem) if item.path.stem in GROUPS else len(places))

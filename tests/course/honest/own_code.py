"""Code of one's own that answers need."""

from tests.course.honest.notebooks import cell, change, honest, put


@honest()
def a_constant_by_a_call(notebook):
    """EPS = float("1e-5") in a cell of its own."""
    change(notebook, "ex-3-2", "eps=1e-5", "eps=None")
    change(notebook, "ex-3-2", "    axes", "    eps = EPS if eps is None else eps\n    axes")
    return put(notebook, "ex-3-2", 'EPS = float("1e-5")')


@honest()
def a_generator_of_random_numbers(notebook):
    """rng made in a cell of its own."""
    change(notebook, "ex-3-1", "return ", "rng.normal()\n    return ")
    return put(notebook, "ex-3-1", "rng = np.random.default_rng(0)")


@honest()
def a_helper_in_a_block(notebook):
    """if True: def root(v) …"""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var + eps)")
    return put(notebook, "ex-3-1", "if True:\n    def root(v):\n        return v**0.5")


@honest()
def a_library_where_there_is_one(notebook):
    """try: import … except ImportError: …"""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var + eps)")
    attempt = "try:\n    from no_such_library import root\nexcept ImportError:\n    root = np.sqrt"
    return put(notebook, "ex-3-1", attempt)


@honest()
def a_constant_from_a_with_block(notebook):
    """Computed where NumPy is told to be quiet."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(var + eps) ** HALF")
    return put(notebook, "ex-3-1", "with np.errstate(all='ignore'):\n    HALF = np.float64(1.0) / np.float64(2.0)")


@honest()
def a_table_from_a_loop(notebook):
    """Filled step by step."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(var + eps) ** powers['half']")
    put(notebook, "ex-3-1", "powers = dict()")
    return put(notebook, "ex-3-1", "for name, value in (('half', 0.5), ('one', 1.0)):\n    powers[name] = value")


@honest()
def a_list_that_is_appended_to(notebook):
    """names.append(…) in a cell of its own."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(var + eps) ** powers[0]")
    put(notebook, "ex-3-1", "powers = []")
    return put(notebook, "ex-3-1", "powers.append(0.5)")


@honest()
def a_configuration(notebook):
    """An attribute set from outside."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(var + eps) ** Config.power")
    put(notebook, "ex-3-1", "class Config:\n    power = 1")
    return put(notebook, "ex-3-1", "Config.power = 0.5")


@honest()
def a_dataclass(notebook):
    """An instance made in a cell of its own."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "(var + eps) ** settings.power")
    made = "from dataclasses import dataclass\n\n\n@dataclass\nclass Settings:\n    power: float = 0.5\n\n\n"
    made += "settings = Settings()"
    return put(notebook, "ex-3-1", made)


@honest()
def a_partial_function(notebook):
    """root = partial(…)"""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var + eps)")
    return put(notebook, "ex-3-1", "from functools import partial\n\nroot = partial(lambda p, v: v**p, 0.5)")


@honest()
def a_decorator(notebook):
    """The answer is wrapped by a decorator from another cell."""
    change(notebook, "ex-3-1", "def normalize", "@traced\ndef normalize")
    wrap = "import functools\n\n\ndef traced(f):\n    @functools.wraps(f)\n"
    wrap += "    def g(*a, **k):\n        return f(*a, **k)\n    return g"
    return put(notebook, "ex-3-1", wrap)


@honest()
def a_decorator_made_by_a_call(notebook):
    """traced = make(…)"""
    change(notebook, "ex-3-1", "def normalize", "@traced\ndef normalize")
    return put(notebook, "ex-3-1", "def make(n):\n    return lambda f: f\n\n\ntraced = make(3)")


@honest()
def a_lambda(notebook):
    """The answer is one."""
    cell(notebook, "ex-3-1")["source"] = "normalize = lambda x, mean, var, eps=1e-5: (x - mean) / np.sqrt(var + eps)"
    return notebook


@honest()
def a_callable_object(notebook):
    """An instance with __call__."""
    body = "class Normalize:\n    def __call__(self, x, mean, var, eps=1e-5):\n"
    body += "        return (x - mean) / np.sqrt(var + eps)"
    cell(notebook, "ex-3-1")["source"] = f"{body}\n\n\nnormalize = Normalize()"
    return notebook


@honest()
def an_alias_for_types(notebook):
    """Array = np.ndarray in a cell of its own."""
    change(notebook, "ex-3-1", "def normalize(x, mean", "def normalize(x: Array, mean: Array")
    return put(notebook, "ex-3-1", "Array = np.ndarray")


@honest()
def a_counter(notebook):
    """global calls: counted."""
    change(notebook, "ex-3-1", "    return", "    global calls\n    calls += 1\n    return")
    return put(notebook, "ex-3-1", "calls = int()")


@honest(helper="def root(v):\n    return v**0.5\n")
def a_module_beside_it(notebook):
    """from helper import root, with helper.py in the same folder."""
    change(notebook, "ex-3-1", "np.sqrt(var + eps)", "root(var + eps)")
    return put(notebook, "ex-3-1", "from helper import root")


@honest(helper="def normalize(x, mean, var, eps=1e-5):\n    return (x - mean) / (var + eps) ** 0.5\n")
def the_answer_in_a_module_beside_it(notebook):
    """The cell only imports it."""
    cell(notebook, "ex-3-1")["source"] = "from helper import normalize"
    return notebook


@honest(my_tools="def root(v):\n    return v**0.5\n")
def a_module_that_is_imported_inside(notebook):
    """import my_tools in the function."""
    return change(
        notebook,
        "ex-3-1",
        "    return (x - mean) / np.sqrt(",
        "    import my_tools\n\n    return (x - mean) / my_tools.root(",
    )


@honest()
def errors_on_purpose(notebook):
    """np.seterr in a cell of one's own holds for all that comes after."""
    return put(notebook, "ex-3-1", 'np.seterr(all="raise")')


@honest()
def a_trial_in_the_answer_cell(notebook):
    """It is tried where it stands, and the trial stops."""
    cell(notebook, "ex-3-1")["source"] += "\n\n\nnormalize(np.ones((2, 2)), np.zeros(3), np.ones(3))\nunfinished = 1"
    return notebook


@honest()
def tabs_and_names_in_japanese(notebook):
    """分散 is a name like any other."""
    source = "def normalize(x, mean, var, eps=1e-5):\n\t標準偏差 = np.sqrt(var + eps)\n\treturn (x - mean) / 標準偏差"
    cell(notebook, "ex-3-1")["source"] = source
    return notebook

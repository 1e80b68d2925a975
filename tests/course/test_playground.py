"""The playground: its arithmetic is PyTorch's, and its page stays calm whatever is set."""

import itertools
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bncourse.course.paths import ROOT

FIGURES = ROOT / "book" / "_static" / "figures"
PAGE = ROOT / "book" / "playground.md"
STILL = ROOT / "book" / "_static" / "playground.svg"
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
WIDTH, BATCH, RATE = 6, 16, 0.3

# A network with given parameters, by layers, trained on given batches: what it was after some of the steps.
TRAINED = """({ sizes, activation, norm, start, batches, rate, after, points }) => {
  const flat = (rows) => Float64Array.from(rows.flat());
  const listed = (layers) => layers.map((layer) =>
    Object.fromEntries(Object.entries(layer || {}).map(([name, values]) => [name, [...values]])));
  const net = network.make({ sizes, activation, norm, random: { normal: () => 0 } });
  net.layers.forEach(({ parameters }, l) => {
    for (const name in parameters) parameters[name].set(start[l][name].flat());
  });
  const losses = [], records = {};
  batches.forEach(([x, y], step) => {
    const measured = network.measure(net, flat(x), flat(y));
    losses.push(measured.loss);
    network.update(net, measured, rate);
    if (after.includes(step + 1)) {
      records[step + 1] = {
        gradients: listed(measured.gradients),
        parameters: listed(net.layers.map((layer) => layer.parameters)),
        running: listed(net.layers.map((layer) => layer.running)),
        logits: [...network.forward(net, flat(points), false).logits],
      };
    }
  });
  return { losses, records };
}"""

# Analytic gradients of a small network, and central differences of its loss, for every parameter.
DIFFERENCES = """({ activation, norm, x, y, h }) => {
  const random = Object.assign(() => 0.5, { state: 1, normal() {
    this.state = (this.state * 48271) % 2147483647;
    return 4 * (this.state / 2147483647) - 2;
  } });
  const net = network.make({ sizes: [2, 4, 4, 1], activation, norm, random });
  const [points, labels] = [Float64Array.from(x.flat()), Float64Array.from(y.flat())];
  const loss = () => network.measure(net, points, labels).loss;
  const { gradients } = network.measure(net, points, labels);
  return net.layers.flatMap(({ parameters }, l) => Object.entries(parameters).flatMap(([name, values]) =>
    Array.from(values, (value, i) => {
      values[i] = value + h;
      const above = loss();
      values[i] = value - h;
      const below = loss();
      values[i] = value;
      return [gradients[l][name][i], (above - below) / (2 * h)];
    })));
}"""

SET = """(settings) => {
  for (const [label, value] of Object.entries(settings)) {
    const { htmlFor } = [...document.querySelectorAll("label")].find(({ textContent }) => textContent === label);
    const control = document.getElementById(htmlFor);
    const before = control.value;
    control.value = { min: control.min, max: control.max }[value] ?? value;
    if (control.value !== before) control.dispatchEvent(new Event("input"));
  }
}"""

# A run by itself: how it began, how it ended, and the mean loss of its last hundred batches.
RUN = """({ steps, ...changes }) => {
  const usual = { shape: "spirals", norm: true, activation: "relu", depth: 4, batch: 32, rate: 0.1, scale: 1, seed: 1 };
  const settings = { ...usual, ...changes };
  const run = new PlaygroundRun(settings);
  const look = ({ seen, gradients }) => ({
    before: seen.slice(0, -1).map(({ before }) => [...before]),
    gradients: gradients.slice(0, -1).map(({ weight }) => [...weight].map(Math.abs)),
  });
  const first = look(run.step);
  while (run.losses.length < steps && !run.over) run.advance(settings);
  const loss = run.losses.slice(-100).reduce((sum, loss, _, { length }) => sum + loss / length, 0);
  return { first, last: look(run.step), over: run.over, steps: run.losses.length, loss, right: run.right(false) };
}"""


@pytest.fixture(scope="module")
def arithmetic(browser):
    """A page that holds network.js and nothing else."""
    with browser.new_context() as context:
        page = context.new_page()
        page.add_script_tag(path=FIGURES / "network.js")
        yield page


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The figure of the page with its scripts, as the site loads them; `_` is Sphinx's, which translates words."""
    scripts = ["live", *re.search(r"^:uses: (.+)$", PAGE.read_text("utf8"), re.M)[1].split(), "playground"]
    say = re.search(r"^const say = .*$", (FIGURES.parent / "course.js").read_text("utf8"), re.M)[0]
    tags = f"<script>const _ = (words) => words; {say}</script>"
    tags += "".join(f'<script defer src="{(FIGURES / name).as_uri()}.js"></script>' for name in scripts)
    file = tmp_path_factory.mktemp("playground") / "page.html"
    figure = '<figure class="live" data-figure="playground" data-label="A network that trains"></figure>'
    look = f'<link rel="stylesheet" href="{(FIGURES.parent / "course.css").as_uri()}">'
    file.write_text(f'<!doctype html><meta charset="utf-8"><title>Playground</title>{look}{tags}{figure}', "utf8")
    return file.as_uri()


@pytest.fixture
def opened(browser, url):
    """opened(**options of the context): the playground in a page of its own; errors of its scripts fail the test."""
    contexts, errors = [], []

    def open(clock=False, **options):
        contexts.append(browser.new_context(viewport={"width": 390, "height": 844}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if clock:
            page.clock.install(time=0)
        page.goto(url)
        return page

    yield open
    for context in contexts:
        context.close()
    assert not errors


def summary(page):
    return page.locator("[role=status]").inner_text()


def reference(depth, activation, norm):
    """The same network in PyTorch, in float64, with biases, gammas and betas that are not 0 and 1."""
    layers = []
    for inputs in [2, *[WIDTH] * (depth - 1)]:
        layers += [nn.Linear(inputs, WIDTH, bias=not norm)]
        layers += [nn.BatchNorm1d(WIDTH)] if norm else []
        layers += [ACTIVATIONS[activation]()]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, 1)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def by_layers(model, of):
    """What `of` takes from each parameter, in the form of network.js: one dictionary a layer."""
    layers = []
    for module in model:
        if isinstance(module, nn.Linear):
            layers.append({name: of(value).tolist() for name, value in module.named_parameters()})
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1] |= {"gamma": of(module.weight).tolist(), "beta": of(module.bias).tolist()}
    return layers


def agree(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], np.ravel(values), rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("norm", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_twenty_steps_are_those_of_pytorch(arithmetic, activation, depth, norm):
    torch.manual_seed(depth)
    model = reference(depth, activation, norm)
    start = by_layers(model, lambda parameter: parameter)
    batches = [(3 * torch.randn(BATCH, 2).double(), torch.randint(2, (BATCH, 1)).double()) for _ in range(20)]
    points = torch.randn(9, 2).double()
    settings = {"sizes": [2, *[WIDTH] * depth, 1], "activation": activation, "norm": norm, "rate": RATE}
    lists = [(x.tolist(), y.tolist()) for x, y in batches]
    steps = {"start": start, "batches": lists, "after": [1, 5, 20], "points": points.tolist()}
    ours = arithmetic.evaluate(TRAINED, settings | steps)

    optimizer = torch.optim.SGD(model.parameters(), RATE)
    losses = []
    for step, (x, y) in enumerate(batches, start=1):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step not in steps["after"]:
            continue
        record = ours["records"][str(step)]
        for name, of in {"gradients": lambda p: p.grad, "parameters": lambda p: p}.items():
            for found, expected in zip(record[name], by_layers(model, of), strict=True):
                agree(found, expected)
        kept = [module for module in model if isinstance(module, nn.BatchNorm1d)]
        statistics = [{"mean": bn.running_mean.tolist(), "variance": bn.running_var.tolist()} for bn in kept]
        for found, expected in zip([layer for layer in record["running"] if layer], statistics, strict=True):
            agree(found, expected)
        with torch.no_grad():
            answers = model.eval()(points).tolist()
        model.train()
        agree({"logits": record["logits"]}, {"logits": answers})
    np.testing.assert_allclose(ours["losses"], losses, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("norm", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_the_slopes_of_the_loss(arithmetic, activation, norm):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 2)), rng.integers(2, size=(7, 1))
    settings = {"activation": activation, "norm": norm, "x": x.tolist(), "y": y.tolist(), "h": 1e-6}
    gradients, slopes = np.transpose(arithmetic.evaluate(DIFFERENCES, settings))
    assert np.abs(gradients).max() > 0.01
    np.testing.assert_allclose(gradients, slopes, rtol=1e-5, atol=1e-8)


def test_the_arithmetic_loads_without_a_page_too(arithmetic):
    loaded = """(source) => {
      const module = {};
      new Function("module", source)(module);
      return Object.keys(module.exports);
    }"""
    assert "measure" in arithmetic.evaluate(loaded, (FIGURES / "network.js").read_text("utf8"))


def test_it_starts_paused_and_a_keyboard_is_enough(opened):
    page = opened()
    assert summary(page).startswith("Paused, step 0.")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Start"
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('[role=status]').textContent.startsWith('Running, step')")
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    assert (trained := re.match(r"Paused, step (\d+)\.", summary(page))) and int(trained[1]) > 0
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert summary(page).startswith("Paused, step 0.")
    page.get_by_label("Hidden layers").focus()
    page.keyboard.press("ArrowRight")
    assert "in layer 5." in summary(page)
    page.get_by_label("Batch size").focus()
    page.keyboard.press("Home")
    assert "the last batch of 2." in summary(page)


def test_same_settings_same_run(opened):
    page = opened()
    words = []
    for _ in range(2):
        page.get_by_role("button", name="Reset").click()
        for _ in range(3):
            page.get_by_role("button", name="Step").click()
        words.append(summary(page))
    assert words[0] == words[1]
    page.evaluate(SET, {"Seed": 2})
    assert summary(page) != words[0]


def test_no_setting_shows_what_is_not_a_number(opened):
    page = opened()
    page.evaluate(SET, {"Hidden layers": "max"})
    extremes = ("min", "max")
    for norm, activation, scale, batch, rate in itertools.product((0, 1), (0, 1), extremes, extremes, extremes):
        settings = {"Batch norm": norm, "Activation": activation, "Initial scale": scale}
        settings |= {"Batch size": batch, "Learning rate": rate}
        page.evaluate(SET, settings)
        shown = page.evaluate("""() => {
          const step = document.querySelectorAll("button")[1];
          for (let i = 0; i < 3; i++) step.click();
          return document.querySelector("figure").innerHTML;
        }""")
        assert not re.search("NaN|Infinity|undefined|null", shown), settings


def test_a_diverged_run_says_so_and_stops(opened):
    page = opened()
    page.evaluate(SET, {"Batch norm": 0, "Learning rate": "max", "Initial scale": "max"})
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("document.querySelector('[role=status]').textContent.startsWith('Diverged at step')")
    assert page.get_by_role("button", name="Start").is_visible()
    page.evaluate(SET, {"Batch norm": 1, "Learning rate": 4, "Initial scale": 4})
    page.get_by_role("button", name="Step").click()
    assert summary(page).startswith("Paused, step 1.")


@pytest.mark.parametrize("calm", [False, True], ids=["moving", "reduced motion"])
def test_running_it_does_not_flood_screen_readers_nor_eyes(opened, calm):
    page = opened(clock=True, reduced_motion="reduce" if calm else "no-preference")
    page.evaluate("""() => {
      window.changes = { P: 0, svg: 0 };
      const observer = new MutationObserver((records) => {
        new Set(records.map(({ target }) => target.tagName)).forEach((name) => { changes[name] += 1; });
      });
      const parts = document.querySelectorAll("figure > svg, figure > p");
      parts.forEach((part) => observer.observe(part, { childList: true }));
    }""")
    page.get_by_role("button", name="Start").click()
    page.clock.run_for(2200)
    changes = page.evaluate("changes")
    assert 2 <= changes["P"] <= 3  # when it starts, after two seconds, and perhaps once when its width is known
    assert changes["svg"] == changes["P"] if calm else changes["svg"] > 50


@pytest.fixture(scope="module")
def run(browser, url):
    """run(steps, **settings): a run of the playground with the settings it is loaded with, and these changes."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        yield lambda steps, **settings: page.evaluate(RUN, {"steps": steps, **settings})


def test_deep_sigmoids_learn_with_normalization_alone(run):
    deep = {"shape": "circles", "activation": "sigmoid", "depth": 6}
    for rate in (1, 30):
        without = run(200, norm=False, rate=rate, **deep)
        assert without["right"] == 50 and without["loss"] > 0.68
    sizes = np.median(without["first"]["gradients"][1:], axis=1)
    assert (np.diff(sizes) > 0).all() and sizes[0] < sizes[-1] / 100
    with_bn = run(300, rate=1, **deep)
    assert with_bn["right"] > 80
    sizes = np.median(with_bn["first"]["gradients"][1:], axis=1)
    assert sizes.max() < 10 * sizes.min()


def test_normalization_widens_the_range_of_rates_and_does_not_make_it_endless(run):
    dead = run(200, norm=False, rate=3)
    assert dead["right"] == 50 and np.max(dead["last"]["gradients"][-1]) == 0
    assert run(300, rate=3)["right"] > 75
    assert run(300, rate=1)["right"] > 90
    dead = run(200, rate=10)
    assert dead["right"] == 50 and np.max(dead["last"]["gradients"][-1]) == 0


def test_behind_normalization_the_first_weights_scale_gradients_alone(run):
    unit, tenfold = (run(0, scale=scale)["first"] for scale in (1, 10))
    np.testing.assert_allclose(tenfold["before"], unit["before"], atol=0.01)
    shrunk = np.concatenate(unit["gradients"]) / np.concatenate(tenfold["gradients"])
    assert np.median(shrunk) == pytest.approx(10, rel=0.01)
    assert run(300, norm=False, scale=0.1)["right"] == 50
    assert run(9, norm=False, scale=10)["over"].startswith("Diverged at step")
    assert min(run(300, scale=scale)["right"] for scale in (0.1, 10)) > 90


def test_of_two_points_normalization_leaves_the_signs(run):
    first = run(0, batch=2)["first"]
    np.testing.assert_allclose(np.abs(first["before"][0]), 1, atol=0.01)
    assert np.median(first["gradients"][0]) < 1e-7
    assert run(600, batch=2)["right"] < 75
    assert run(1000, batch=2, norm=False)["right"] > 90
    assert 0.2 < run(500, batch=8)["loss"] < 0.6


def test_at_rates_of_their_own_both_learn_a_shallow_network(run):
    common, own = (run(300, depth=2, norm=False, rate=rate) for rate in (0.1, 1))
    assert common["right"] + 10 < run(300, depth=2)["right"]
    assert own["right"] > 95
    assert own["loss"] < run(300, depth=2, rate=0.3)["loss"]


def test_the_still_picture_is_one_of_the_playground(opened, tmp_path):
    page = opened(clock=True, reduced_motion="reduce")
    for norm in (0, 1):
        page.evaluate(SET, {"Batch norm": norm})
        page.get_by_role("button", name="Start").click()
        page.clock.run_for(2000)
        page.get_by_role("button", name="Pause").click()
    drawing = page.locator("figure > svg")
    title = "A border between two spirals, a falling loss, and histograms of four layers"
    start = (
        f'<svg role="img" viewBox="{drawing.get_attribute("viewBox")}" style="max-width: 26rem"><title>{title}</title>'
    )
    anew = tmp_path / STILL.name
    anew.write_text(f"{start}{drawing.inner_html()}</svg>\n", "utf8")

    def parts(file):
        return set(re.findall(r'class="[^"]+"|>[^<]+<', file.read_text("utf8")))

    assert parts(STILL) == parts(anew), f"{STILL} is out of date: copy {anew} there"


def test_scripts_of_figures_stay_small():
    assert not [file.name for file in FIGURES.glob("*.js") if file.stat().st_size >= 8000]

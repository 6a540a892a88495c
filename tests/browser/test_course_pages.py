"""Every page on a phone and on a desk, in light and in dark, as Chromium lays it out."""

LEAVES = """[...document.querySelectorAll("main *, nav *")].filter((element) => {
  if (element.getBoundingClientRect().right <= innerWidth + 1 || element.closest("svg, mjx-assistive-mml")) return false;
  for (let box = element.parentElement; box != document.body; box = box.parentElement)
    if (getComputedStyle(box).overflowX != "visible") return false;  // it scrolls there
  return true;
}).map((element) => `${element.tagName}: ${element.textContent.trim().slice(0, 60)}`)"""
SMALL = """[...document.querySelectorAll("img[width]")].map((image) => image.offsetWidth / image.getAttribute("width"))
  .filter((share) => share < 0.64).map((share) => `a picture at ${share} of its size`)"""
SCROLLS = "document.documentElement.scrollWidth > innerWidth ? ['the whole page scrolls'] : []"


def resize(browser, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **metrics)


def show(browser, page, scheme="light"):
    """Open a page and wait for its formulas."""
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(page.as_uri())
    browser.wait_for(f"location.href == {page.as_uri()!r} && document.readyState == 'complete'")
    browser.evaluate("typeof typeset == 'undefined' || typeset.then(() => true)")


def test_nothing_leaves_the_screen_and_pictures_stay_legible(browser, pages):
    faults, formulas = {}, 0
    for page in [pages.parent / "index.html", *sorted(pages.glob("*.html"))]:
        resize(browser, 390)
        show(browser, page)
        faults[page.stem, 390] = [fault for each in (LEAVES, SCROLLS, SMALL) for fault in browser.evaluate(each)]
        resize(browser, 1280)
        faults[page.stem, 1280] = [fault for each in (LEAVES, SCROLLS) for fault in browser.evaluate(each)]
        formulas += browser.evaluate("document.querySelectorAll('mjx-container').length")
    assert len(faults) > 40 and formulas > 1000
    assert {place: found for place, found in faults.items() if found} == {}


def test_dark_pages_keep_pictures_on_white(browser, pages):
    page = sorted(pages.glob("04_*.html"))[0]
    background = "getComputedStyle({}).backgroundColor"
    colours = {}
    for scheme in ("light", "dark"):
        show(browser, page, scheme)
        parts = {"page": "document.body", "picture": 'document.querySelector("img")'}
        colours[scheme] = [browser.evaluate(background.format(part)) for part in parts.values()]
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert colours["dark"] == ["rgb(22, 25, 29)", "rgb(255, 255, 255)"]

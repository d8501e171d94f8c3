"""Takes pictures of a report as people see it: phone, desktop, print.

    python benchmarks/render_report.py runs/x_trials/report.html pictures

Each is taken in the light and in the dark theme (print is always light).
Needs Chromium or Chrome on the PATH, and nothing else; tests do without.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Name -> width in pixels; heights are those of the whole page, as given.
_SCREENS = {"phone": 390, "desktop": 1280}
# Chromium's settings of `prefers-color-scheme`.
_THEMES = {"light": 1, "dark": 0}


def main() -> int:
    """Takes the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=pathlib.Path, help="report.html")
    parser.add_argument("output", type=pathlib.Path, help="a folder")
    parser.add_argument(
        "--height", type=int, default=8000, help="of the screens, in pixels"
    )
    arguments = parser.parse_args()
    if not arguments.report.is_file():
        print(
            "`report` must be a file. Received: "
            f"report={arguments.report}. Write it with --mode=report.",
            file=sys.stderr,
        )
        return 2
    browser = find_browser()
    if browser is None:
        print(
            "Chromium is not here: install it (Debian: apt install chromium), "
            "or open the report in any browser.",
            file=sys.stderr,
        )
        return 2
    arguments.output.mkdir(parents=True, exist_ok=True)
    for path in render(
        browser, arguments.report, arguments.output, height=arguments.height
    ):
        print(path)
    return 0


def find_browser() -> str | None:
    """Returns the path of Chromium or of one of its kin."""
    found = (shutil.which(name) for name in _BROWSERS)
    return next((path for path in found if path), None)


def render(
    browser: str, report: pathlib.Path, output: pathlib.Path, *, height: int
) -> list[pathlib.Path]:
    """Writes the pictures and the PDF.

    Args:
        browser: of `find_browser`.
        report: an HTML file.
        output: a folder that is there.
        height: of the screens, in pixels: what lies below is cut off.

    Returns:
        Their paths.

    Raises:
        subprocess.CalledProcessError: if the browser fails.
    """
    url = report.resolve().as_uri()
    paths = []
    for screen, width in _SCREENS.items():
        for theme, value in _THEMES.items():
            paths.append(output / f"{screen}_{theme}.png")
            _run(
                browser,
                url,
                f"--screenshot={paths[-1]}",
                f"--window-size={width},{height}",
                f"--blink-settings=preferredColorScheme={value}",
                "--hide-scrollbars",
            )
    paths.append(output / "print.pdf")
    _run(browser, url, f"--print-to-pdf={paths[-1]}", "--no-pdf-header-footer")
    return paths


def _run(browser: str, url: str, *flags: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                # Containers run as root, where the sandbox does not start.
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={profile}",
                *flags,
                url,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main())

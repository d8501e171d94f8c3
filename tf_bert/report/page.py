"""The page: what it is made of, and how it is written.

`report.html` holds everything itself. Beside it, `report/figures/` has each
figure as PNG and SVG, and `report/tables/` each table as TSV. Which sections
there are is in `report_run.py`.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
from matplotlib.figure import Figure

from tf_bert.data.readers import written_tables
from tf_bert.report.figures import style, svg
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io

_TEMPLATE = "report.html.jinja"


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells as people read them, written as HTML (by the template) and TSV.

    Attributes:
        name: of the TSV file, without its ending.
        rows: the first cell of each names it.
        num_text_columns: the first so many hold text, the others numbers,
            which stand to the right.
    """

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    num_text_columns: int = 1

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    "A row of a table has not one cell for each column. "
                    f"Received: {len(row)} cells, {len(self.header)} columns "
                    f"in {self.name}. Correct the rows."
                )

    def to_tsv(self) -> str:
        """Returns the header and the rows, tabs and line ends as spaces.

        Texts that a spreadsheet would compute have an apostrophe before them,
        see `written_tables`.

        Example:
            >>> Table("t", "", ("a", "b"), (("=x", "-1 to 2"),)).to_tsv()
            "a\\tb\\n'=x\\t-1 to 2\\n"
        """
        num_texts = self.num_text_columns
        lines = [written_tables.line_of(_guarded(self.header))]
        lines += [
            written_tables.line_of(
                [*_guarded(row[:num_texts]), *map(_one_line, row[num_texts:])]
            )
            for row in self.rows
        ]
        return "".join(lines)


def table_of(
    name: str,
    caption: str,
    items: Iterable[Any],
    columns: Mapping[str, Callable[[Any], Any]],
    *,
    num_text_columns: int = 1,
) -> Table:
    """Returns a table with a row for each item.

    Args:
        columns: heading -> the cell of an item.
    """
    return Table(
        name,
        caption,
        list(columns),
        [[str(cell(item)) for cell in columns.values()] for item in items],
        num_text_columns,
    )


def _guarded(cells: Iterable[str]) -> list[str]:
    return [written_tables.guard(_one_line(cell)) for cell in cells]


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure with what is said of it.

    Attributes:
        name: of its files; letters, digits and hyphens.
        caption: what it shows, for those who cannot see it too.
        table: the numbers in it; None: they stand in a table beside it.
    """

    name: str
    title: str
    figure: Figure
    caption: str
    table: Table | None = None


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        name: unlike that of the other sections of its part.
        pictures: with their own tables, folded.
        commands: lines for a shell.
    """

    name: str
    title: str
    text: str
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Part:
    """The sections about one task; its name is empty where it is alone."""

    name: str
    title: str
    sections: tuple[Section, ...]


@dataclasses.dataclass(frozen=True)
class Page:
    """The whole report; `overview` has tables over all parts."""

    title: str
    summary: tuple[str, ...]
    parts: tuple[Part, ...]
    overview: tuple[Table, ...] = ()


def write(page: Page, output_dir: str) -> str:
    """Writes a page and its files; earlier ones are replaced.

    The same bytes for the same page. To be called within `style.settings`.

    Returns the path of `report.html` in the folder, which is made if needed.
    """
    file_io.make_dirs(output_dir)
    folder = RunFolder(output_dir)
    with folder.written.open_folder_writer(
        run_folder.REPORT_FILES
    ) as temporary:
        elements = _write_figures(page, os.path.join(temporary, "figures"))
        _write_tables(page, os.path.join(temporary, "tables"))
    path = folder.join(run_folder.REPORT)
    folder.written.record(run_folder.REPORT)
    file_io.write_text(path, render(page, elements))
    return path


def render(page: Page, elements: dict[str, str]) -> str:
    """Returns HTML; `elements` has the `<svg>` element of each full name."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tf_bert.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template(_TEMPLATE)
    # The pictures' elements are our own; all else on the page is escaped.
    safe = {name: markupsafe.Markup(x) for name, x in elements.items()}
    return template.render(
        page=page,
        elements=safe,
        colours=markupsafe.Markup(svg.colours("".join(elements.values()))),
        full_name=full_name,
    )


def full_name(part: Part, name: str) -> str:
    """Returns the name of a section, picture or table, unlike all others."""
    return f"{part.name}-{name}" if part.name else name


def _write_figures(page: Page, folder: str) -> dict[str, str]:
    os.makedirs(folder)
    elements = {}
    for part, section in _sections(page):
        for picture in section.pictures:
            name = full_name(part, picture.name)
            path = os.path.join(folder, name)
            file = style.to_svg(picture.figure)
            file_io.write_bytes(f"{path}.svg", file)
            file_io.write_bytes(f"{path}.png", style.to_png(picture.figure))
            elements[name] = svg.inline(file.decode("utf-8"), name=name)
    return elements


def _write_tables(page: Page, folder: str) -> None:
    os.makedirs(folder)
    named = [("", table) for table in page.overview]
    for part, section in _sections(page):
        tables = [*section.tables, *(p.table for p in section.pictures)]
        named += [(full_name(part, t.name), t) for t in tables if t]
    for name, table in named:
        path = os.path.join(folder, f"{name or table.name}.tsv")
        file_io.write_text(path, table.to_tsv())


def _sections(page: Page) -> Iterator[tuple[Part, Section]]:
    for part in page.parts:
        for section in part.sections:
            yield part, section

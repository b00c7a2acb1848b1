"""The leaderboard for papers, model cards and spreadsheets: LaTeX, Markdown, CSV."""

import csv
import io
import math
import re
from collections.abc import Sequence

from alignbench_tools.reporting.comparisons import MEAN
from alignbench_tools.reporting.leaderboard import LEVEL, Cell, Column, Leaderboard, Row

UNDEFINED = "–"
PUBLISHED = "published in the paper (arXiv 2511.20515, Table 3), not measured here"


def percent(value: float) -> str:
    """A share in [0, 1] as the paper prints it: per cent with one decimal; a dash where it is undefined."""
    return UNDEFINED if math.isnan(value) else f"{100 * value:.1f}"


def interval(cell: Cell) -> str:
    """`84.6–86.2`, or nothing where there is none."""
    return (
        "" if math.isnan(cell.low) or math.isnan(cell.high) else f"{percent(cell.low)}–{percent(cell.high)}"
    )


def published_head() -> str:
    """What stands above the paper's rows."""
    return f"{PUBLISHED[0].upper()}{PUBLISHED[1:]}"


def legend(board: Leaderboard) -> list[str]:
    """What the numbers and marks of the table mean, a sentence each."""
    said = ["AUROC in per cent; Avg. is the unweighted mean over the captioners."]
    if board.confidence:
        said.append(f"Small figures: {100 * board.confidence:g} % interval, images as units.")
    cells = [cell for row in board.rows for cell in row.cells.values()]
    if any(cell.best for cell in cells):
        said.append("Bold: best of the column.")
    if any(cell.tied for cell in cells):
        said.append(
            f"ns: not significantly below the best (paired bootstrap over images, Holm's correction for all "
            f"pairs of the column, level {LEVEL:g})."
        )
    if any(cell.own for cell in cells):
        said.append("Underlined: the captioner is the detector's own model.")
    return said


def as_csv(board: Leaderboard) -> str:
    """Full precision: for each column its AUROC, its limits, and p of the difference from its best."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["detector", "source"]
    for column in board.columns:
        head += [column.key, f"{column.key}_low", f"{column.key}_high", f"{column.key}_p_vs_best"]
    writer.writerow([*head, "own_captioners"])
    for row in (*board.rows, *board.published):
        line: list[object] = [row.name, "published" if row.published else "measured"]
        for column in board.columns:
            cell = row.cells.get(column.key, Cell())
            line += ["" if math.isnan(v) else repr(v) for v in (cell.auroc, cell.low, cell.high, cell.p)]
        own = " ".join(key for key, cell in row.cells.items() if cell.own)
        writer.writerow([*line, own])
    return out.getvalue()


def as_markdown(board: Leaderboard) -> str:
    """A table that GitHub and the Hub's cards show."""
    lines = [
        "| " + " | ".join(["Detector", *(_markdown(column.title) for column in board.columns)]) + " |",
        "|" + "|".join([":---", *("---:" for _ in board.columns)]) + "|",
    ]
    lines += [_markdown_row(row, board.columns) for row in board.rows]
    if board.published:
        empty = " |" * len(board.columns)
        lines += [f"| *{published_head()}:* |{empty}"]
        lines += [_markdown_row(row, board.columns) for row in board.published]
    notes = [
        f"<sup>{mark}</sup> {_markdown(text)}" if mark else _markdown(text) for mark, text in board.notes
    ]
    return "\n".join(lines) + "\n\n" + "  \n".join([*legend(board), *notes]) + "\n"


def as_latex(board: Leaderboard) -> str:
    """A booktabs table; the preamble needs `booktabs`, names beyond Latin an engine that has them."""
    drawn = [column.drawn for column in board.columns if column.key != MEAN]
    groups = [sum(not each for each in drawn[: drawn.index(True)]) if True in drawn else len(drawn)]
    groups += [len(drawn) - groups[0]] if len(drawn) > groups[0] else []
    layout = "@{}l" + "".join(" " + "r" * size for size in groups if size) + " r@{}"
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table*}",
        r"  \centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{{' '.join(map(_latex, legend(board)))}}}",
        rf"  \begin{{tabular}}{{{layout}}}",
        r"    \toprule",
        "    Detector & " + " & ".join(_latex(column.title) for column in board.columns) + r" \\",
        r"    \midrule",
        *(line for row in board.rows for line in _latex_row(row, board.columns)),
    ]
    if board.published:
        span = len(board.columns) + 1
        head = rf"\emph{{{_latex(published_head())}}}"
        lines += [r"    \midrule", rf"    \multicolumn{{{span}}}{{@{{}}l}}{{{head}}} \\"]
        lines += [line for row in board.published for line in _latex_row(row, board.columns)]
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    for mark, text in board.notes:
        lines.append(rf"  \par\smallskip\raggedright {_raised(mark)} {_latex(text)}")
    return "\n".join([*lines, r"\end{table*}"]) + "\n"


def _markdown_row(row: Row, columns: Sequence[Column]) -> str:
    marks = f"<sup>{','.join(row.marks)}</sup>" if row.marks else ""
    cells = []
    for column in columns:
        cell = row.cells.get(column.key, Cell())
        text = percent(cell.auroc)
        text = f"<u>{text}</u>" if cell.own else text
        text = f"**{text}**" if cell.best else text
        text += "<sup>ns</sup>" if cell.tied else ""
        cells.append(f"{text} <sub>{interval(cell)}</sub>" if interval(cell) else text)
    return "| " + " | ".join([_markdown(row.name) + marks, *cells]) + " |"


def _latex_row(row: Row, columns: Sequence[Column]) -> list[str]:
    cells = [row.cells.get(column.key, Cell()) for column in columns]
    lines = [
        f"    {_latex(row.name)}{_raised(','.join(row.marks))} & "
        + " & ".join(map(_latex_cell, cells))
        + r" \\"
    ]
    limits = [interval(cell) for cell in cells]
    if any(limits):
        small = [rf"{{\tiny {_latex(each)}}}" if each else "" for each in limits]
        lines[0] = lines[0].removesuffix(r"\\") + r"\\[-2pt]"
        lines.append("    & " + " & ".join(small) + r" \\")
    return lines


def _raised(mark: str) -> str:
    return rf"\textsuperscript{{{mark}}}" if mark else ""


def _latex_cell(cell: Cell) -> str:
    text = percent(cell.auroc).replace(UNDEFINED, "--")
    text = rf"\underline{{{text}}}" if cell.own else text
    text = rf"\textbf{{{text}}}" if cell.best else text
    return text + (r"\rlap{\textsuperscript{ns}}" if cell.tied else "")


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--", "…": r"\dots{}",
    '"': r"\symbol{34}",
} | {sign: f"\\{sign}" for sign in "&%$#_"}  # fmt: skip


def _latex(text: str) -> str:
    """`text` as LaTeX prints it; line breaks and control characters become spaces."""
    return "".join(_LATEX.get(sign, sign) for sign in _one_line(text))


def _markdown(text: str) -> str:
    """`text` as Markdown shows it, also in a cell of a table."""
    text = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", text)


def _one_line(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()

"""The Space: paste or upload a detector's scores, get AlignBench's AUROC table."""

import csv
import io
import json
from pathlib import Path

import evaluate
import gradio as gr

METRIC = evaluate.load(str(Path(__file__).with_name("alignbench_auroc.py")), "diagnostics")
# A column may go by AlignBench's name, by evaluate's, or by the raw release's.
NAMES = {
    "predictions": ("score", "scores", "prediction", "predictions"),
    "references": ("label", "labels", "reference", "references", "annotation"),
    "captioner": ("captioner", "model"),
    "image_id": ("image_id", "image", "image_name"),
}
LABELS = {"incorrect": 0, "correct": 1, "unknown": 2}
HEADERS = ["captioner", "AUROC", "95 % low", "95 % high", "correct", "incorrect"]
EXAMPLE = """score,label,captioner,image_id
0.91,correct,llava,1
0.23,incorrect,llava,1
0.64,incorrect,llava,2
0.55,correct,llava,2
0.87,correct,gpt4o,1
0.79,incorrect,gpt4o,2
"""


def parse(text):
    """Rows of CSV with a header line, or of JSON Lines, as a list of (line number, dict)."""
    if not text.strip():
        raise ValueError("expected CSV or JSON Lines, got nothing; paste scores or upload a file")
    if not text.lstrip().startswith("{"):
        reader = csv.DictReader(io.StringIO(text.strip()), skipinitialspace=True)
        return [(reader.line_num, row) for row in reader]
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise ValueError(f"line {number}: expected one JSON object a line, got {line[:60]!r}")
            rows.append((number, row))
    return rows


def read_columns(rows):
    """The metric's inputs from the rows; a column that is not there is left out."""
    if not rows:
        raise ValueError("expected at least one row of scores, got a header only")
    present = {
        name: next((alias for alias in aliases if alias in rows[0][1]), None)
        for name, aliases in NAMES.items()
    }
    for needed in ("predictions", "references"):
        if present[needed] is None:
            raise ValueError(f"expected a column {NAMES[needed][0]!r}, got {', '.join(map(str, rows[0][1]))}")
    converters = {"predictions": to_score, "references": to_label}
    return {
        name: [converters.get(name, to_name)(row.get(alias), number) for number, row in rows]
        for name, alias in present.items()
        if alias is not None
    }


def to_score(value, line):
    """A number, or None where it is missing."""
    if value is None or str(value).strip().lower() in ("", "nan", "null", "none"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"line {line}: expected a number as score (or nothing), got {value!r}") from None


def to_label(value, line):
    """0 incorrect, 1 correct, 2 unknown, from the number or the word."""
    word = str(value).strip().lower()
    if word in LABELS:
        return LABELS[word]
    if word in ("0", "1", "2"):
        return int(word)
    raise ValueError(
        f"line {line}: expected correct, incorrect or unknown (1, 0 or 2) as label, got {value!r}"
    )


def to_name(value, line):
    return None if value is None or value == "" else str(value)


def table(result):
    """One row for the mean over captioners, then one for each captioner."""
    mean = f"mean of {len(result['captioners'])}" if result["captioners"] else "all sentences"
    parts = {mean: result, **result["captioners"]}
    keys = ("auroc", "auroc_low", "auroc_high", "n_correct", "n_incorrect")
    return [[name, *(shown(part[key]) for key in keys)] for name, part in parts.items()]


def shown(value):
    """Four digits of a rate; a dash for what is not defined."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}" if value == value else "-"


def evaluate_scores(text, file, interval, missing):
    """Table and notes for pasted text, or for the uploaded file if there is one."""
    try:
        content = Path(file).read_text(encoding="utf-8-sig") if file else text
        inputs = read_columns(parse(content))
        result = METRIC.compute(**inputs, interval=interval, missing=missing)
    except (ValueError, TypeError, UnicodeDecodeError) as error:
        raise gr.Error(str(error), print_exception=False) from error
    counted = f"{result['n']} sentences counted, {result['n_unknown']} unknown left out."
    return table(result), "\n".join(f"- {note}" for note in [counted, *result["notes"]])


with gr.Blocks(title="AlignBench AUROC") as demo:
    gr.Markdown(
        "# AlignBench AUROC\nScores of a detector of misaligned sentences, as CSV or JSON Lines with columns "
        "`score` (higher = more likely correct) and `label` (correct, incorrect, unknown), and if known "
        "`captioner` and `image_id`, by which intervals are clustered."
    )
    text = gr.Textbox(EXAMPLE, label="Paste scores", lines=8, max_lines=20)
    file = gr.File(label="or upload a file", file_types=[".csv", ".jsonl", ".json", ".txt"])
    with gr.Row():
        interval = gr.Radio(["analytic", "bootstrap", "bca"], value="analytic", label="95 % interval")
        missing = gr.Radio(["error", "worst", "drop"], value="error", label="Missing scores")
    button = gr.Button("Evaluate", variant="primary")
    output = gr.Dataframe(headers=HEADERS, label="AUROC", interactive=False)
    notes = gr.Markdown()
    button.click(
        evaluate_scores, [text, file, interval, missing], [output, notes], api_name="evaluate_scores"
    )

if __name__ == "__main__":
    demo.launch()

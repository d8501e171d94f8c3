"""All tables of other names.

Read by `translation.py` and printed by `help_page.py`. A name that is ours
too, with the same meaning, has no row.
"""

from tf_bert.config.aliases import google_bert, hugging_face, paper_code
from tf_bert.config.aliases.rows import OtherName

# Title -> rows. A name of several programs stands with the first.
PROGRAMS: dict[str, tuple[OtherName, ...]] = {
    "transformers (`TrainingArguments` and its examples)": hugging_face.ROWS,
    "The paper's code (Zhang et al., 2021)": paper_code.ROWS,
    "Google's BERT (`run_classifier.py`)": google_bert.ROWS,
}
# Without the names that are ours too, whose rows are for readers.
ROWS = {
    row.name: row
    for rows in PROGRAMS.values()
    for row in rows
    if row.name != row.ours
}

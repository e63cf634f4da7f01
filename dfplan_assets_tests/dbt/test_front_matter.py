from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.dbt.front_matter import front_matter
from dfplan_assets.errors import ViewError
from dfplan_assets.project.document import Document, read_document
from dfplan_assets.project.front_matter import split_front_matter

TEXTS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), include_characters="\n"), max_size=40
) | st.lists(
    st.sampled_from(["*/", "/*", "---", "\n", ": ", "# ", '"', "'", "\\", "a", " "]), max_size=12
).map("".join)


@given(TEXTS)
def test_any_text_comes_back_from_a_front_matter(text: str) -> None:
    written = front_matter({"description": text})
    found = split_front_matter(written + "select 1")
    assert found is not None
    value = read_document(Document(Path("v.sql"), ViewError), found.yaml).entries()["description"].value
    assert value == text
    assert written.count("*/") == 1

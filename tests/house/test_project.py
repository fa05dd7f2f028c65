# SPDX-License-Identifier: Apache-2.0
"""This file is about the project itself: licence lines, first sentences, versions, what is packed."""

import ast
import tomllib
from pathlib import Path

import pytest

import exactlump

ROOT = Path(__file__).parents[2]
SOURCES = [
    p for folder in ("exactlump", "examples", "benchmarks", "tests") for p in sorted((ROOT / folder).rglob("*.py"))
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_begins_with_its_licence_and_says_what_it_is_about(path):
    source = path.read_text(encoding="utf-8")
    assert source.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    if path.name not in ("__init__.py", "__main__.py"):
        assert (ast.get_docstring(ast.parse(source)) or "").startswith("This file is about ")


def test_the_changelog_has_the_version():
    assert f"\n## {exactlump.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_override_of_mypy_is_a_dependency_or_one_of_its_parts():
    extras = [r for requirements in PROJECT["project"]["optional-dependencies"].values() for r in requirements]
    required = " ".join(PROJECT["project"]["dependencies"] + extras)
    renamed = {"dask": "distributed", "flint": "python-flint", "sklearn": "scikit-learn", "z3": "z3-solver"}
    (override,) = PROJECT["tool"]["mypy"]["overrides"]
    names = [name.removesuffix(".*") for name in override["module"]]
    assert [name for name in names if renamed.get(name, name) not in required] == []


def test_every_extra_is_named_where_people_install():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = PROJECT["project"]["optional-dependencies"]
    assert [name for name in extras if f"| `{name}` |" not in page] == []
    assert "exactlump[torch]" in (ROOT / "docs" / "pytorch.md").read_text(encoding="utf-8")
    assert PROJECT["project"]["urls"]


def test_every_dependency_has_a_lower_bound():
    """Not an exact version, which would bind everybody who installs this beside something else."""
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    required = [word for group in groups for word in group if not word.startswith("exactlump[")]
    assert [word for word in required if ">=" not in word or "==" in word] == []

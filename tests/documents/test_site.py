# SPDX-License-Identifier: Apache-2.0
"""This file is about the site: every page and every public name is on it, and it is built without warnings."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import exactlump
from tests.documents.test_docs import PAGES

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


def test_every_page_is_in_the_contents():
    words = (SITE / "index.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   /(\S+)$", words, re.M))
    assert {page.relative_to(ROOT).with_suffix("").as_posix() for page in PAGES} - listed == set()
    assert [name for name in listed if "*" not in name and not (ROOT / f"{name}.md").exists()] == []


def test_every_public_name_is_in_the_reference():
    words = (SITE / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto(?:class|function|data):: exactlump\.(\S+)$", words, re.M)
    rooms = {f"{room}.{name}" for room in exactlump._PACKAGES for name in getattr(exactlump, room).__all__}
    assert len(listed) == len(set(listed))
    assert set(listed) == {*exactlump.__all__, *rooms} - {"__version__"}


@pytest.mark.slow
def test_the_site_is_built_without_warnings(tmp_path):
    missing = [name for name in ("sphinx", "myst_parser", "furo") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (pip install 'exactlump[docs]')")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", str(SITE), str(ROOT), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "docs" / "site" / "api.html").read_text(encoding="utf-8")
    assert "The maximum proportional exact lumpability of a network" in page

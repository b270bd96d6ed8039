"""The documents: every link leads somewhere, every row of a table is that of the measurements."""

import re
from pathlib import Path

import pytest

from benchmarks import robustness
from models.shared import declarations

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
PICTURES = [p for p in (ROOT / 'docs').rglob('*') if p.suffix in {'.webp', '.gif', '.png'}]
LARGEST = 300_000  # bytes of a picture
LONGEST = 150  # lines of the README


def anchors(page):
    """The anchors of a page's titles, as GitHub makes them."""
    titles = re.findall(r'^#+ (.*)$', page.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for link in re.findall(r'\]\((?!https?:)([^)\s]+)\)', page.read_text()):
        path, _, anchor = link.partition('#')
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_and_picture_can_be_reached():
    linked = set()
    for page in PAGES:
        linked |= {
            (page.parent / link.partition('#')[0]).resolve()
            for link in re.findall(r'\]\((?!https?:)([^)\s]+)\)', page.read_text())
        }
    assert {path.resolve() for path in [*PAGES[1:], *PICTURES]} <= linked


def test_pictures_are_small_and_the_front_page_is_short():
    assert all(picture.stat().st_size <= LARGEST for picture in PICTURES)
    assert len(PAGES[0].read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize('name', declarations.names())
def test_the_front_page_has_every_model_with_its_samples(name):
    rows = [line for line in PAGES[0].read_text().splitlines() if f'(models/{name}.py)' in line]
    assert len(rows) == 1 and f'(docs/thumbnails/{name}.png)' in rows[0]


def test_the_tables_of_robustness_are_those_of_the_rows():
    lines = robustness.summary([*robustness.SETTINGS]).splitlines()
    told = (ROOT / 'docs' / 'robustness.md').read_text().splitlines()
    assert [line for line in lines if line not in told] == []
    names = {f'| {name} |' for name in robustness.SETTINGS}
    rows = [line for line in told if line[: line.find('|', 2) + 1] in names]
    assert sorted(rows) == sorted(lines[2:])


def test_every_paper_that_the_code_cites_is_listed_and_can_be_cited():
    """By its number in the arXiv."""
    folders = ('models', 'evaluation', 'lessons', 'training', 'pictures')
    files = [path for name in folders for path in (ROOT / name).rglob('*.py')]
    cited = set()
    for path in [*files, ROOT / 'losses.py']:
        cited |= {*re.findall(r'arXiv:(\d{4}\.\d{4,5})', path.read_text())}
    assert len(cited) > 15
    for name in ('docs/sources.md', 'CITATION.cff'):
        listed = {*re.findall(r'arxiv\.org/abs/(\d{4}\.\d{4,5})', (ROOT / name).read_text())}
        assert cited - listed == set(), name

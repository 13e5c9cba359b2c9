"""What tools/gpu/measure left in a folder: predicted against measured, as Markdown."""


def measured(folder):
    """All Markdown of the folder, in the order of names; their headings go one level down."""
    pages = sorted(folder.glob("*.md"))
    texts = [lowered(page.read_text()) for page in pages]
    trouble = {} if texts else {"trouble": f"no Markdown in {folder}"}
    return {"command": "tools/gpu/measure DIR", "files": [page.name for page in pages],
            "markdown": "\n\n".join(texts), "met": bool(texts) and all(map(meets, texts))} | trouble


def meets(text):
    """Whether every goal of the page is met: its tables end a row with yes or no."""
    missed = any(line.endswith("| no |") for line in text.splitlines())
    return not missed and "Nothing was measured" not in text


def lowered(text):
    """The page's own sections have headings of the second level."""
    lines = text.strip().splitlines()
    return "\n".join(f"##{line}" if line.startswith("# ") else
                     f"#{line}" if line.startswith("## ") else line for line in lines)

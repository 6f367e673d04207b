"""An aligned table: numbers to the right, a line of groups above."""


def table(rows):
    """ROWS are dicts with the same keys; a key may be 'group: column'."""
    columns = list(rows[0])
    cells = [[_text(row[c]) for c in columns] for row in rows]
    heads = [c.partition(": ")[2] or c for c in columns]
    groups = [c.partition(": ")[0] if ": " in c else "" for c in columns]
    widths = [max(len(line[i]) for line in cells + [heads])
              for i in range(len(columns))]
    lines = [_groups(groups, widths)] if any(groups) else []
    lines += ["  ".join(t.rjust(w) for t, w in zip(line, widths))
              for line in [heads] + cells]
    return "\n".join(lines)


def _text(value):
    if isinstance(value, float):
        return "%.2f" % value if abs(value) < 10 else "%.1f" % value
    return "{:,}".format(value) if isinstance(value, int) else str(value)


def _groups(groups, widths):
    """Each group's name over its columns, once."""
    line = ""
    start = 0
    for i, (group, width) in enumerate(zip(groups, widths)):
        if group and (i == 0 or groups[i - 1] != group):
            line = line.ljust(start) + group
        start += width + 2
    return line

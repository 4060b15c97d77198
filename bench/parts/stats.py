"""Medians and spread."""
import statistics


def summary(values):
    """Median, median absolute deviation, least and greatest of a list of numbers that is not empty."""
    values = sorted(values)
    median = statistics.median(values)
    return {"median": median, "mad": statistics.median(abs(v - median) for v in values),
            "min": values[0], "max": values[-1], "n": len(values)}


def of(rows, key, **wanted):
    """Summary of row[key] over the rows that have all of `wanted`; None when there are none."""
    values = [row[key] for row in rows if all(row.get(k) == v for k, v in wanted.items())]
    return summary(values) if values else None


def rotated(items, round_number):
    """The items in the order of this round: each begins once in len(items) rounds, and every other round goes backwards."""
    items = list(items)
    at = round_number % len(items)
    items = items[at:] + items[:at]
    return items[::-1] if round_number // len(items) % 2 else items


def paired(rows, key, a, b, by="round", name="peer", **wanted):
    """Summary of a's value over b's of the same round: a ratio that a slow minute of the machine does not move."""
    def values(which):
        return {row[by]: row[key] for row in rows
                if row[name] == which and all(row.get(k) == v for k, v in wanted.items())}
    one, other = values(a), values(b)
    ratios = [one[r] / other[r] for r in one if other.get(r)]
    return summary(ratios) if ratios else None


def number(value):
    """Three digits that matter, never in powers of ten."""
    if value == 0:
        return "0"
    for limit, form in ((100, "{:,.0f}"), (10, "{:.1f}"), (0, "{:.2f}")):
        if abs(value) >= limit:
            return form.format(value)
    return str(value)


def text(s, scale=1.0):
    """`median +- spread`, or a dash."""
    return "-" if s is None else f"{number(s['median'] * scale)} ± {number(s['mad'] * scale)}"


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]

#!/usr/bin/env python3
"""Writes src/engine/codec/apfs-unicode.generated.ts.

    python3 scripts/generate-apfs-unicode.py DerivedAge.txt > src/engine/codec/apfs-unicode.generated.ts

Names on APFS are hashed after the Unicode of the day the format came out: 9.0 (apfsprogs and the Linux driver stay
there). The Unicode stability policy never changes the decomposition, combining class or case folding of a character
that has been assigned, so the tables of 9.0 are those of any later version without what was assigned later. They come
from Python's unicodedata (canonical decomposition, combining class) and str.casefold (full folding: statuses C and F
of CaseFolding.txt); which characters are older, from DerivedAge.txt of the Unicode Character Database, any version
from 9.0 on (https://www.unicode.org/Public/UCD/latest/ucd/DerivedAge.txt).
"""

import sys
import unicodedata

NEWEST = (9, 0)
HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)  # by arithmetic, not by table


def assigned(derived_age):
    """Code points assigned up to Unicode 9.0, surrogates left out."""
    with open(derived_age, encoding="utf-8") as lines:
        for line in lines:
            fields = [field.strip() for field in line.split("#")[0].split(";")]
            if len(fields) != 2 or tuple(map(int, fields[1].split("."))) > NEWEST:
                continue
            first, _, last = fields[0].partition("..")
            for point in range(int(first, 16), int(last or first, 16) + 1):
                if not 0xD800 <= point <= 0xDFFF:
                    yield point


def decompositions(points):
    for point in points:
        parts = unicodedata.normalize("NFD", chr(point))
        if point not in HANGUL_SYLLABLES and parts != chr(point):
            yield point, [ord(part) for part in parts]


def folds(points):
    """Folding is asked for after decomposing: what decomposes folds part by part."""
    for point in points:
        folded = chr(point).casefold()
        if folded != chr(point) and unicodedata.normalize("NFD", chr(point)) == chr(point):
            yield point, [ord(part) for part in folded]


def decomposition_lines(points):
    """'first parts': what one character comes apart into; ideographs that follow each other on one line."""
    line, last = "", None
    for point, parts in decompositions(points):
        if len(parts) == 1 and last == point - 1:
            line += f" {parts[0]:X}"
        else:
            if line:
                yield line
            line = f"{point:X} " + (f"{parts[0]:X}" if len(parts) == 1 else "+".join(f"{part:X}" for part in parts))
        last = point if len(parts) == 1 else None
    yield line


def fold_lines(points):
    """'first-last/step distance' for runs, 'point part+part' where a character folds to several."""
    runs = []
    for point, parts in folds(points):
        if len(parts) > 1:
            runs.append([point, point, 0, parts])
            continue
        distance = parts[0] - point
        run = runs[-1] if runs else None
        if run and len(run[3]) == 0 and run[4] == distance and point - run[1] in (1, 2) and run[2] in (0, point - run[1]):
            run[1], run[2] = point, point - run[1]
        else:
            runs.append([point, point, 0, [], distance])
    for first, last, step, parts, *distance in runs:
        if parts:
            yield f"{first:X} " + "+".join(f"{part:X}" for part in parts)
        else:
            places = f"{first:X}" if first == last else f"{first:X}-{last:X}" + ("/2" if step == 2 else "")
            yield f"{places} {distance[0]:+d}"


def class_lines(points):
    runs = []
    for point in points:
        value = unicodedata.combining(chr(point))
        if value and runs and runs[-1][1] == point - 1 and runs[-1][2] == value:
            runs[-1][1] = point
        elif value:
            runs.append([point, point, value])
    return (f"{first:X}" + (f"-{last:X}" if last > first else "") + f" {value}" for first, last, value in runs)


def constant(name, doc, lines):
    return f"/** {doc} */\nexport const {name} = `\n" + "\n".join(lines) + "\n`;\n"


def module(derived_age):
    points = sorted(assigned(derived_age))
    return "\n".join(
        [
            "// Written by scripts/generate-apfs-unicode.py, which says from what. Not to be edited.\n",
            constant(
                "DECOMPOSITIONS",
                "A code point and its full canonical decomposition, parts joined by '+'; further words on a line are the\n"
                " * decompositions of the code points that follow. Hexadecimal.",
                decomposition_lines(points),
            ),
            constant(
                "FOLDS",
                "Code points (hexadecimal; '/2': every second one) and the distance (decimal, signed) to what they fold to,\n"
                " * or the several code points one folds to, joined by '+'.",
                fold_lines(points),
            ),
            constant(
                "COMBINING_CLASSES",
                "Code points (hexadecimal) and their canonical combining class (decimal). All others have class 0.",
                class_lines(points),
            ),
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(module(sys.argv[1]))

#!/usr/bin/env python3
"""Writes src/engine/codec/hfs-unicode.generated.ts.

    python3 scripts/generate-hfs-unicode.py > src/engine/codec/hfs-unicode.generated.ts

Sources. Decompositions and combining classes: the Unicode Character Database 3.2.0, which every Python carries as
unicodedata.ucd_3_2_0 (RFC 3454 needs it), so that the result does not depend on the version of Python. Case folding:
the 312 code units below and the ignorable ones (U+0000 besides, see foldTable), as Apple's FastUnicodeCompare folds
them (TN1150, "Case-Insensitive String Comparison Algorithm"); they are no version of Unicode, so they are written out
here.
"""

import sys
from unicodedata import ucd_3_2_0 as ucd

# Units that HFS+ stores as they are though Unicode decomposes them (TN1150, "Canonical Decomposition"): symbols from
# U+2000 on, and compatibility ideographs.
KEPT = [(0x2000, 0x2FFF), (0xF900, 0xFAFF)]
SURROGATES = (0xD800, 0xDFFF)
HANGUL_SYLLABLES = (0xAC00, 0xD7A3)  # by arithmetic, not by table

# 'first-last+d': each unit of the range plus d; '/2': every second one.
FOLDS = """
0041-005A+32 00C6+32 00D0+32 00D8+32 00DE+32 0110+1 0126+1 0132+1 013F-0141/2+1 014A+1 0152+1 0166+1
0181+210 0182-0184/2+1 0186+206 0187+1 0189-018A+205 018B+1 018E+79 018F+202 0190+203 0191+1 0193+205 0194+207
0196+211 0197+209 0198+1 019C+211 019D+213 019F+214 01A2-01A4/2+1 01A7+1 01A9+218 01AC+1 01AE+218 01B1-01B2+217
01B3-01B5/2+1 01B7+219 01B8+1 01BC+1 01C4+2 01C5+1 01C7+2 01C8+1 01CA+2 01CB+1 01E4+1 01F1+2 01F2+1
0391-03A1+32 03A3-03A9+32 03E2-03EE/2+1
0402-0404/2+80 0405-0406+80 0408-040B+80 040F+80 0410-0418+32 041A-042F+32 0460-0474/2+1 0478-0480/2+1
0490-04BE/2+1 04C3+1 04C7+1 04CB+1
0531-0556+48 10A0-10C5+48 2160-216F+16 FF21-FF3A+32
""".split()

IGNORED = [(0x200C, 0x200F), (0x202A, 0x202E), (0x206A, 0x206F), (0xFEFF, 0xFEFF)]


def within(unit, ranges):
    return any(first <= unit <= last for first, last in ranges)


def decompositions():
    for unit in range(0x10000):
        if within(unit, [*KEPT, SURROGATES, HANGUL_SYLLABLES]):
            continue
        parts = ucd.normalize("NFD", chr(unit))
        if parts != chr(unit):
            yield " ".join(f"{ord(part):04X}" for part in [chr(unit), *parts])


def combining_classes():
    """Runs of units of one class: 'first-last class'."""
    runs = []
    for unit in range(0x10000):
        value = 0 if within(unit, [SURROGATES]) else ucd.combining(chr(unit))
        if value == 0:
            continue
        if runs and runs[-1][1] == unit - 1 and runs[-1][2] == value:
            runs[-1][1] = unit
        else:
            runs.append([unit, unit, value])
    return (f"{first:04X}-{last:04X} {value}" for first, last, value in runs)


def constant(name, doc, lines):
    return f"/** {doc} */\nexport const {name} = `\n" + "\n".join(lines) + "\n`;\n"


def module():
    return "\n".join(
        [
            "// Written by scripts/generate-hfs-unicode.py, which says from what. Not to be edited.\n",
            constant(
                "DECOMPOSITIONS",
                "A unit and what HFS+ stores instead of it, fully decomposed; hexadecimal.",
                decompositions(),
            ),
            constant(
                "COMBINING_CLASSES",
                "Units (hexadecimal) and their canonical combining class (decimal). All others have class 0.",
                combining_classes(),
            ),
            constant(
                "FOLDS",
                "'first-last+d': each unit plus d stands for it in comparisons; '/2': every second unit of the range.",
                FOLDS,
            ),
            constant(
                "IGNORED",
                "Units that comparisons pass over.",
                (f"{first:04X}-{last:04X}" for first, last in IGNORED),
            ),
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(module())

#!/usr/bin/env python3
"""Makes the three tables beside this file. Nobody in them exists.

    python3 generate.py

The same seed gives the same files, byte for byte: nothing is drawn but uniform numbers, and nothing is computed but
sums and products. The tables are part of the repository, so nobody needs to run this again.
"""

import random
from pathlib import Path

SEED = 20_261_121
COLUMNS = ["patient", "age", "sex", "smoker", "weight", "bmi", "systolic"]
# How many patients, their mean age, and how the hospital's own software writes a table.
HOSPITALS = {
    "a": {"patients": 412, "age": 57, "separator": ",", "point": ".", "missing": ""},
    # A spreadsheet in a country that writes 27,5.
    "b": {"patients": 388, "age": 49, "separator": ";", "point": ",", "missing": ""},
    "c": {"patients": 405, "age": 64, "separator": ",", "point": ".", "missing": "NA"},
}
# How many patients in a hundred lack it.
MISSING = {"age": 1, "smoker": 4, "weight": 5, "systolic": 3}
# (never, former) among a hundred; the rest smoke.
SMOKING = {"female": (58, 82), "male": (42, 74)}
HEIGHT = {"female": 164, "male": 177}
# A slip of the keyboard in hospital c: 142, and a nought.
SLIP = ("c", 217, 1420)


def bell(rng, mean, deviation):
    """Nearly normal, and never further away than six deviations: twelve uniform numbers."""
    return mean + deviation * (sum(rng.random() for _ in range(12)) - 6)


def within(low, value, high):
    return max(low, min(high, value))


def lacks(rng, field):
    return rng.random() * 100 < MISSING[field]


def patient(rng, mean_age):
    age = int(within(18, bell(rng, mean_age, 16), 97))
    sex = "female" if rng.random() < 0.53 else "male"
    never, former = SMOKING[sex]
    draw = rng.random() * 100
    smoker = "never" if draw < never else "former" if draw < former else "current"
    metres = bell(rng, HEIGHT[sex], 6.5) / 100
    bmi = round(within(15, bell(rng, 23.5 + 0.06 * (age - 20), 3.9), 55), 1)
    weight = round(bmi * metres * metres, 1)
    pressure = bell(rng, 82 + 0.46 * age + 0.82 * bmi, 13)
    pressure += (4 if sex == "male" else 0) + (5 if smoker == "current" else 0)
    row = {
        "age": age,
        "sex": sex,
        "smoker": smoker,
        "weight": weight,
        "bmi": bmi,
        "systolic": int(within(80, pressure, 215)),
    }
    for field in MISSING:
        if lacks(rng, field):
            row[field] = None
    # Who was not weighed has no body mass index.
    if row["weight"] is None:
        row["bmi"] = None
    return row


def main():
    rng = random.Random(SEED)
    for name, hospital in HOSPITALS.items():
        lines = [hospital["separator"].join(COLUMNS)]
        for number in range(1, hospital["patients"] + 1):
            row = patient(rng, hospital["age"])
            if SLIP[:2] == (name, number):
                row["systolic"] = SLIP[2]
            cells = [f"{name.upper()}{number:04}"]
            for column in COLUMNS[1:]:
                value = row[column]
                text = hospital["missing"] if value is None else str(value)
                cells.append(text.replace(".", hospital["point"]))
            lines.append(hospital["separator"].join(cells))
        path = Path(__file__).with_name(f"hospital-{name}.csv")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

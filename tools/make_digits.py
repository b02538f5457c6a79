#!/usr/bin/env python3
# tools/make_digits.py - writes src/data/digits_data.c from scikit-learn's copy of the digits (digits.csv.gz).
"""usage: make_digits.py path/to/sklearn/datasets/data/digits.csv.gz src/data/digits_data.c

A row of the csv is 64 pixels 0..16 and a label. In the text: 'A'..'P' a pixel 1..16, 'a'..'z' a run of 1..26 zeros,
'0'..'9' the label, which ends the image."""
import gzip
import sys

WIDTH = 120  # characters of text in one row of the array


def encode(pixels, label):
    out, zeros = [], 0
    for value in pixels + [-1]:
        if value == 0:
            zeros += 1
            continue
        while zeros:
            run = min(zeros, 26)
            out.append(chr(ord("a") + run - 1))
            zeros -= run
        if value > 0:
            out.append(chr(ord("A") + value - 1))
    return "".join(out) + str(label)


def checksum(images):
    h = 14695981039346656037  # FNV-1a, 64 bits, over pixels and label of each image
    for pixels, label in images:
        for byte in pixels + [label]:
            h = (h ^ byte) * 1099511628211 % 2**64
    return h


def main(source, target):
    images = []
    with gzip.open(source, "rt") as f:
        for line in f:
            row = [int(float(x)) for x in line.split(",")]
            assert len(row) == 65 and all(0 <= p <= 16 for p in row[:64]) and 0 <= row[64] <= 9
            images.append((row[:64], row[64]))
    text = "".join(encode(*image) for image in images)
    rows = [text[i:i + WIDTH] for i in range(0, len(text), WIDTH)]
    with open(target, "w") as f:
        f.write("/* data/digits_data.c - 1,797 images of handwritten digits and their decoder; origin and licence: DIGITS.md.\n")
        f.write(" * Made by tools/make_digits.py: 'A'..'P' is a pixel 1..16, 'a'..'z' a run of 1..26 zeros, a digit the label that\n")
        f.write(" * ends an image; the rows are one text. */\n")
        f.write('#include "data/digits_data.h"\n\n')
        f.write(f"static const char digits_text[{len(rows)}][{WIDTH + 1}] = {{\n")
        f.writelines(f'    "{row}",\n' for row in rows)
        f.write("};\n\n")
        f.write(DECODER)
    print(f"{len(images)} images, {len(text)} characters, FNV-1a 0x{checksum(images):016x}, "
          f"pixel sum {sum(sum(p) for p, _ in images)}, label sum {sum(l for _, l in images)}")


DECODER = r"""void tni_digits_decode(int64_t first, int64_t count, float *pixels, int64_t *labels) {
    const char *text = &digits_text[0][0], *text_end = text + sizeof(digits_text);
    int64_t image = 0, end = first + count, k = 0;
    for (; text < text_end && image < end; text++) {
        char c = *text;
        bool wanted = image >= first && pixels != NULL;
        float *row = wanted ? pixels + (image - first) * TNI_DIGITS_PIXELS : NULL;
        if (c >= '0' && c <= '9') {
            if (image >= first && labels != NULL) labels[image - first] = c - '0';
            image++;
            k = 0;
        } else if (c >= 'A' && c <= 'P') {
            if (wanted) row[k] = (float)(c - 'A' + 1);
            k++;
        } else if (c >= 'a' && c <= 'z') {
            for (int64_t stop = k + (c - 'a' + 1); k < stop; k++) {
                if (wanted) row[k] = 0.0f;
            }
        } /* else the NUL that ends a row */
    }
}
"""

if __name__ == "__main__":
    main(*sys.argv[1:])

"""Writes the ids that the Hugging Face tokenizers gives for texts, for TestTokensOfALargeVocabulary of internal/encoder to compare.

    python ids.py TOKENIZER.json TEXTS.jsonl OUT.jsonl

TEXTS.jsonl has a text per line, as a JSON string. To them come texts cut and joined at random places, pairs, and one text for each
Unicode character.
"""
import json
import random
import sys

from tokenizers import Tokenizer

LONGEST = 256


def main(tokenizer, texts, out):
    t = Tokenizer.from_file(tokenizer)
    t.no_padding()
    t.enable_truncation(LONGEST)
    texts = [json.loads(line) for line in open(texts)]
    rng = random.Random(1)
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    common = characters[:0x3000] + ["\u4e2d", "\uff21", "\U0001f600", "\u0301", "\u200d", "[SEP]", "[MASK]", " "]

    def cut(text):
        a = rng.randrange(len(text) + 1)
        return text[a:rng.randrange(a, len(text) + 1)]

    mixed = []
    for _ in range(5000):
        mixed.append("".join(rng.choice([cut(rng.choice(texts))[:60], rng.choice(common), rng.choice(characters)]) for _ in range(rng.randint(1, 12))))
    with open(out, "w") as f:
        def write(*pair):
            e = t.encode(*pair)
            row = {"text": pair[0], "ids": e.ids}
            if len(pair) > 1:
                row |= {"passage": pair[1], "types": e.type_ids}
            f.write(json.dumps(row) + "\n")

        for text in texts + mixed:
            write(text)
        for _ in range(5000):
            pair = rng.choice(texts + mixed), rng.choice(texts + mixed)
            if any(len(t.encode(p).ids) < LONGEST for p in pair):  # else it matters how long they are beyond that
                write(*pair)
        for c in characters:
            write(f"ab{c}cd {c}{c} E{c}")


main(*sys.argv[1:])

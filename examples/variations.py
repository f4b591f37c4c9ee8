"""One photo, three seeds, the best kept: python examples/variations.py examples/photo.jpg variations.png"""

import sys

import softextend


def main(photo: str, target: str) -> None:
    model = softextend.load_model("self")
    results = [softextend.extend(photo, (0, 64, 0, 64), model=model, seed=seed) for seed in (1, 2, 3)]
    best = max(results, key=lambda each: each.scores.total)
    best.save(target, overwrite=True)
    for each in results:
        print(f"seed {each.seed}: score {each.scores.total:.2f}{'  <- kept' if each is best else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])

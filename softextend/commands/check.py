"""`softextend verify` and `score`."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from softextend.finish.contract import Difference
from softextend.finish.measures import TOTAL, Measure, faults, made, seen
from softextend.jobs import verify as jobs_verify
from softextend.jobs.recorded import found_again, recorded
from softextend.jobs.score import score_files
from softextend.plan.read_recipe import command_of

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Score, Verify


def verify(report: Report, given: Verify) -> int:
    """`softextend verify`: the exit code, 0 where every pixel that must be kept is."""
    compared = given.verifying
    result, original, mask = compared.result, compared.original, compared.mask
    recipe = jobs_verify.recipe_of(result, original)
    if mask is None and command_of(recipe).get("name") == "paint":
        told = recorded(recipe, result)
        mask = found_again(result, told.mask, told.mask_sha256, "mask", "--mask FILE")
    verdict = jobs_verify.verify(
        result, original, mask, allow_huge=compared.allow_huge, allow_damaged=compared.allow_damaged
    )
    if compared.quiet:
        return 0 if verdict.holds else 1
    if report.options.json:
        facts: dict[str, Any] = {"result": str(result), "original": str(original), "holds": verdict.holds}
        facts |= {"kept": verdict.kept, "bits": verdict.bits, "channels": verdict.channels}
        facts |= {"band": verdict.band, "lossy": verdict.lossy}
        found = verdict.difference
        report.print(json.dumps({**facts, "difference": None if found is None else _facts(found)}))
    else:
        report.print(f"{result}: {verdict}")
    return 0 if verdict.holds else 1


def score(report: Report, given: Score) -> None:
    """`softextend score`: a table, or a JSON line."""
    result, original = given.scoring.result, given.scoring.original
    source = given.scoring
    scores, box = score_files(result, original, allow_huge=source.allow_huge, allow_damaged=source.allow_damaged)
    facts = scores.as_dict()
    said = {"result": str(result), "original": str(original), "box": box, "scores": facts}
    said["bad"] = [each.name for each, _ in faults(facts)]
    rows = [score_row(each, facts[each.name]) for each in (TOTAL, *made(facts))]
    report.show(said, rows, title=str(result))
    report.hint(f"{seen(facts) or 'no seam shows'}; whether what was added makes sense no score says: look at it")


def score_row(measure: Measure, value: float) -> tuple[str, str]:
    """One figure with what it means, as a table shows it."""
    found = measure.fault(value)
    return measure.words, f"{value:.3f}  {measure.meaning}{f': {found}' if found else ''}"


def _facts(found: Difference) -> dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}

"""What each test of the ``official`` search asks; :func:`.categories.compare_official` says by which numbers."""

from darkmask.search.flight.evidence import Question

QUESTIONS = {
    "saturated": Question(
        "saturated in group 0, pedestal 0", "integrations", ">=", "It is saturated from the start: HOT."
    ),
    "high_pedestal": Question("high pedestal", "integrations", ">=", "The pedestal lies far above the others': rc."),
    "early_jumps": Question("many jumps, most of them early", "integrations", ">=", "Jumps come early: rc."),
    "low_pedestal": Question("low pedestal", "integrations", ">=", "The pedestal lies far below the others'."),
    "many_jumps": Question("many jumps", "integrations", ">=", "The jump step flags it often: telegraph."),
    "scatter": Question("scatter of slopes without jumps", "DN/s", ">", "The slopes scatter too much: noisy."),
    "few_slopes": Question("too few slopes without jumps", "", "is true", "Its noise cannot be measured: noisy."),
}

"""The dashboard of accuracy: is it right, how sure is that, and do people keep up."""

from typing import Any

from deploy.grafana.building import Panel, Variable, dashboard, gauge_by, rate_by


def _accuracy(what: str, matchers: str, by: str) -> str:
    return f"max by ({by}) (ursa_accuracy_{what}{{%, {matchers}}})"


_OVERALL = 'version="all", by="all"'
_CLASSES = _accuracy("ratio", 'by="class"', "slice")
_HIGH = _accuracy("high_ratio", 'by="class"', "slice")

NOW = [
    Panel(
        "Accuracy",
        "Share of right answers of all traffic, estimated from the audit. Read it with its interval.",
        "percentunit",
        [(_accuracy("ratio", _OVERALL, "slice"), "estimate")],
        kind="stat",
        width=6,
        top=1,
    ),
    Panel(
        "Its interval",
        "The truth is within, in 95 of 100 such intervals.",
        "percentunit",
        [
            (_accuracy("low_ratio", _OVERALL, "slice"), "from"),
            (_accuracy("high_ratio", _OVERALL, "slice"), "to"),
        ],
        kind="stat",
        width=6,
        top=1,
    ),
    Panel(
        "Labels that count",
        "As many labels drawn one by one would say as much. Below 30 nothing is shown.",
        "none",
        [(_accuracy("effective_labels", _OVERALL, "slice"), "effective labels")],
        kind="stat",
        width=6,
    ),
    Panel(
        "Age of the estimate",
        "How long ago the newest estimate ended.",
        "s",
        [("time() - max(ursa_accuracy_end_timestamp_seconds{%})", "age")],
        kind="stat",
        width=6,
        steps=[(2 * 86400, "red")],
    ),
]
SLICES = [
    Panel(
        "Accuracy over time",
        "The estimate for all traffic with the ends of its interval.",
        "percentunit",
        [
            (_accuracy(what, _OVERALL, "slice"), name)
            for what, name in (("high_ratio", "to"), ("ratio", "estimate"), ("low_ratio", "from"))
        ],
        top=1,
        width=12,
    ),
    Panel(
        "By model version",
        "The estimate for each version; the interval's lower end beside it.",
        "percentunit",
        [
            (_accuracy("ratio", 'by="all", version=~"$version"', "version"), "version {{version}}"),
            (
                _accuracy("low_ratio", 'by="all", version=~"$version"', "version"),
                "version {{version}}, from",
            ),
        ],
        top=1,
        width=12,
    ),
    Panel(
        "By segment",
        "The estimate for each segment, and the lower end of its interval.",
        "percentunit",
        [
            (_accuracy("ratio", 'by="segment", slice=~"$segment"', "slice"), "{{slice}}"),
            (_accuracy("low_ratio", 'by="segment", slice=~"$segment"', "slice"), "{{slice}}, from"),
        ],
        top=1,
        width=12,
    ),
    Panel(
        "The ten classes that look worst",
        "By the estimate. Small ones have wide intervals: look at the next panel too.",
        "percentunit",
        [(f"bottomk(10, {_CLASSES})", "{{slice}}")],
        kind="bargauge",
        top=1,
        width=12,
    ),
    Panel(
        "Surely below: upper end by class",
        "Where even the upper end of the interval is low, a class is wrong more often than luck explains.",
        "percentunit",
        [(f"bottomk(10, {_HIGH})", "{{slice}}")],
        kind="bargauge",
        top=1,
        width=12,
    ),
    Panel(
        "Alarms of accuracy",
        "Open alarms that the sequential test on the audit has raised.",
        "none",
        [('sum(max by (kind, pages) (ursa_alarms_open{%, kind="accuracy"}))', "open")],
        kind="stat",
        width=12,
        steps=[(1, "red")],
    ),
]
PEOPLE = [
    Panel(
        "Audit questions that wait",
        "Unanswered audits widen the worst and best bounds of accuracy.",
        "short",
        [('max(ursa_queue_reviews{%, lane="audit"})', "waiting")],
    ),
    Panel(
        "Reviews that wait",
        "By lane, in the order in which people are asked.",
        "short",
        [gauge_by("lane", "ursa_queue_reviews")],
    ),
    Panel(
        "The oldest has waited",
        "By lane. Consumers wait for the held ones.",
        "s",
        [gauge_by("lane", "ursa_queue_age_seconds")],
        steps=[(4 * 3600, "orange")],
    ),
    Panel(
        "Reviews opened",
        "Questions to people each second, by lane.",
        "reqps",
        [rate_by("lane", "ursa_reviews_opened_total")],
    ),
    Panel(
        "What consumers say back",
        "Feedback each second: right or wrong. Who complains is no sample: it opens reviews and measures nothing.",
        "reqps",
        [rate_by("said", "ursa_feedback_total")],
    ),
    Panel(
        "The last hour",
        "Predictions of the last hour by kind: all, pending, reviewed, out of the domain, audited.",
        "short",
        [gauge_by("kind", "ursa_predictions_last_hour")],
    ),
]
CANDIDATE = [
    Panel(
        "Stage of the candidate",
        "1 at the stage where it is; all 0 without a candidate.",
        "none",
        [gauge_by("stage", "ursa_rollout_stage")],
        kind="stat",
    ),
    Panel(
        "Share of the candidate",
        "The share of subjects that it answers.",
        "percentunit",
        [("max(ursa_rollout_share_ratio{%})", "share")],
        top=1,
    ),
    Panel(
        "Monitoring's verdict",
        "1 for the newest verdict on the candidate. Hold is also what is said without evidence.",
        "none",
        [gauge_by("verdict", "ursa_rollout_decision")],
        kind="stat",
    ),
]


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    rows = [("Now", NOW), ("By slice", SLICES), ("People", PEOPLE), ("The candidate", CANDIDATE)]
    variables = [
        Variable(
            "version", "Model version", 'label_values(ursa_accuracy_ratio{job=~"$job"}, version)'
        ),
        Variable(
            "segment",
            "Segment",
            'label_values(ursa_accuracy_ratio{job=~"$job", by="segment"}, slice)',
        ),
    ]
    return dashboard("ursa-right", "Ursa: is it right?", rows, variables)

"""The dashboard of drift: has the world changed, where, and does anybody watch."""

from typing import Any

from deploy.grafana.building import VERSION, Panel, Variable, dashboard, gauge_by, rate_by

_SEGMENT = 'version=~"$version", segment=~"$segment"'


def _flagged(metric: str, label: str, chosen: str) -> str:
    of = f"sum by ({label}) (rate({metric}{{%{chosen}}}[$__rate_interval]))"
    flagged = f'sum by ({label}) (rate({metric}{{%{chosen}, flag="flagged"}}[$__rate_interval]))'
    return f"{flagged} / {of}"


def _small(score: str, bound: str) -> str:
    chosen = f'%, score=~"{score}"'
    below = f'sum by (score) (rate(ursa_domain_p_value_bucket{{{chosen}, le="{bound}"}}[$__rate_interval]))'
    return (
        f"{below} / sum by (score) (rate(ursa_domain_p_value_count{{{chosen}}}[$__rate_interval]))"
    )


PICTURES = [
    Panel(
        "Flagged pictures",
        "Share of pictures unlike the training pictures. In the domain at most 5 % are, by the flag's promise.",
        "percentunit",
        [
            (
                _flagged("ursa_version_answers_total", "version", ', version=~"$version"'),
                "version {{version}}",
            )
        ],
        steps=[(0.075, "yellow"), (0.15, "orange"), (0.3, "red")],
        width=12,
    ),
    Panel(
        "Flagged pictures by segment",
        "The same for each segment: one source, or all of them?",
        "percentunit",
        [
            (
                _flagged("ursa_segment_answers_total", "segment", ', segment=~"$segment"'),
                "{{segment}}",
            )
        ],
        steps=[(0.075, "yellow"), (0.15, "orange"), (0.3, "red")],
        width=12,
    ),
    Panel(
        "p-values at most .05",
        "Share of pictures with so small a p-value, by score: look, features, both fused. Without drift it is 5 %.",
        "percentunit",
        [(_small("look|feature|fused", "0.05"), "{{score}}")],
        steps=[(0.15, "orange")],
    ),
    Panel(
        "p-values at most .01",
        "The same at .01: without drift it is 1 %.",
        "percentunit",
        [(_small("look|feature|fused", "0.01"), "{{score}}")],
    ),
    Panel(
        "Distribution of p-values",
        "Pictures each second up to each p-value of the fused score. Without drift the lines are apart as the p-values are.",
        "reqps",
        [
            (
                'sum by (le) (rate(ursa_domain_p_value_bucket{%, score="fused"}[$__rate_interval]))',
                "up to {{le}}",
            )
        ],
    ),
    Panel(
        "Confidence",
        "Half, nine tenths and all but a twentieth of the pictures have at most this confidence.",
        "percentunit",
        [
            (
                f"histogram_quantile({q}, sum by (le) (rate(ursa_confidence_ratio_bucket{{%}}[$__rate_interval])))",
                name,
            )
            for q, name in ((0.05, "5 %"), (0.5, "half"), (0.9, "90 %"))
        ],
        top=1,
    ),
    Panel(
        "Share of each class",
        "The ten classes given most often; a jump without a cause is a change of what comes in.",
        "percentunit",
        [
            (
                "topk(10, sum by (label) (rate(ursa_class_answers_total{%}[$__rate_interval])) / on () group_left () sum(rate(ursa_class_answers_total{%}[$__rate_interval])))",
                "{{label}}",
            )
        ],
    ),
    Panel(
        "Traffic by segment",
        "Predictions each second: a segment that falls silent is a change too.",
        "reqps",
        [rate_by("segment", "ursa_segment_answers_total", ', segment=~"$segment"')],
    ),
]
WINDOWS = [
    Panel(
        "Newest window",
        "Verdict on the newest window of the version that answers: 1 at the one that holds.",
        "none",
        [gauge_by("verdict", "ursa_window_verdict")],
        kind="stat",
    ),
    Panel(
        "Age of the newest window",
        "How long ago its last picture came.",
        "s",
        [("time() - max(ursa_window_end_timestamp_seconds{%})", "age")],
        kind="stat",
    ),
    Panel(
        "Pictures of the newest window",
        "With too few of them nothing is concluded.",
        "short",
        [("max(ursa_window_pictures{%})", "pictures")],
        kind="stat",
    ),
    Panel(
        "Drift by segment",
        "1 where the segment's newest window was called drift.",
        "none",
        [
            (
                f"max by (version, segment) (ursa_segment_window_drift{{%, {_SEGMENT}}})",
                "version {{version}}, {{segment}}",
            )
        ],
        steps=[(1, "orange")],
        top=1,
        width=12,
    ),
    Panel(
        "Pictures by segment",
        "Of each segment's newest window.",
        "short",
        [
            (
                f"max by (version, segment) (ursa_segment_window_pictures{{%, {_SEGMENT}}})",
                "version {{version}}, {{segment}}",
            )
        ],
        width=12,
    ),
    Panel(
        "Windows checked",
        "Each second, by verdict.",
        "ops",
        [rate_by("verdict", "ursa_windows_checked_total")],
    ),
    Panel(
        "Time of a check",
        "Mean seconds of a window's check.",
        "s",
        [
            (
                "sum(rate(ursa_window_check_seconds_sum{%}[$__rate_interval])) / sum(rate(ursa_window_check_seconds_count{%}[$__rate_interval]))",
                "mean",
            )
        ],
    ),
    Panel(
        "Online detectors",
        "The statistic as a share of its threshold; at 1 an alarm is raised.",
        "percentunit",
        [
            (
                f"max by (version, segment) (ursa_detector_statistic{{%, {_SEGMENT}}} / ursa_detector_threshold{{%, {_SEGMENT}}})",
                "version {{version}}, {{segment}}",
            )
        ],
        steps=[(0.5, "yellow"), (1, "red")],
        top=1,
    ),
]
ALARMS = [
    Panel(
        "Open alarms",
        "By who noticed; `pages` is true for those within the budget of pages.",
        "none",
        [("max by (kind, pages) (ursa_alarms_open{%})", "{{kind}}, pages {{pages}}")],
        steps=[(1, "orange")],
    ),
    Panel(
        "Newest open alarm",
        "How long ago it was raised.",
        "s",
        [("time() - max by (kind) (ursa_alarm_raised_timestamp_seconds{%})", "{{kind}}")],
        kind="stat",
    ),
    Panel(
        "Pictures seen by detectors",
        "What each online detector has counted since its version began to answer.",
        "short",
        [
            (
                f"max by (version, segment) (ursa_detector_seen_pictures{{%, {_SEGMENT}}})",
                "version {{version}}, {{segment}}",
            )
        ],
    ),
    Panel(
        "Last sign of life",
        "Seconds since each program said that it is alive. Monitoring beats every ten seconds.",
        "s",
        [("time() - (max by (program) (ursa_heartbeat_timestamp_seconds{%}) > 0)", "{{program}}")],
        steps=[(120, "red")],
    ),
    Panel(
        "Monitoring's failures",
        "Looks that failed each second, by the part of the loop.",
        "ops",
        [rate_by("part", "ursa_monitoring_failures_total")],
        steps=[(0.01, "orange")],
    ),
    Panel(
        "Are the rows read?",
        "1 while monitoring reads the rows behind its gauges.",
        "none",
        [("max(ursa_monitoring_database_up{%})", "database")],
        kind="stat",
        words={"0": "no", "1": "yes"},
    ),
]


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    rows = [
        ("Pictures", PICTURES),
        ("Windows and detectors", WINDOWS),
        ("Alarms, and who watches", ALARMS),
    ]
    variables = [
        VERSION,
        Variable(
            "segment",
            "Segment",
            'label_values({__name__=~"ursa_segment_.+", job=~"$job"}, segment)',
        ),
    ]
    return dashboard("ursa-world", "Ursa: has the world changed?", rows, variables)

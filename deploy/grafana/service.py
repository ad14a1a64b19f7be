"""The dashboard of the service: does it answer, how fast, who answers, and what does it cost people."""

from typing import Any

from deploy.grafana.building import VERSION, Panel, Variable, dashboard, gauge_by, rate_by

_ANSWERS = 'ursa_version_answers_total{%, version=~"$version"}'
_CLASSES = "sum by (label) (rate(ursa_class_answers_total{%}[$__rate_interval]))"


def _share(over: str, of: str) -> str:
    return f"sum(rate({over}[$__rate_interval])) / sum(rate({of}[$__rate_interval]))"


def _quantile(share: float, metric: str, matchers: str, by: str = "le") -> str:
    rate = f"rate({metric}_bucket{{%{matchers}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({by}) ({rate}))"


ANSWERS = [
    Panel(
        "Predictions",
        "Predictions kept, each second, by what was decided: answered, answered and reviewed, or held for a person.",
        "reqps",
        [rate_by("decision", "ursa_predictions_total")],
    ),
    Panel(
        "Failures",
        "Share of prediction requests that failed here (5xx). The objective is 99.9 % without.",
        "percentunit",
        [
            (
                _share(
                    'ursa_requests_total{%, area="predictions", status="5xx"}',
                    'ursa_requests_total{%, area="predictions"}',
                ),
                "failed",
            )
        ],
        steps=[(0.001, "orange"), (0.0144, "red")],
    ),
    Panel(
        "Refused: too much to do",
        "Share of prediction requests that were told to come again (429).",
        "percentunit",
        [
            (
                _share(
                    'ursa_requests_total{%, area="predictions", status="429"}',
                    'ursa_requests_total{%, area="predictions"}',
                ),
                "429",
            )
        ],
        steps=[(0.05, "orange")],
    ),
    Panel(
        "Time of an answer",
        "From the first byte of a prediction request to the last of its answer, of all requests.",
        "s",
        [
            (_quantile(q, "ursa_request_seconds", ', area="predictions"'), f"{name}")
            for q, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
        ],
        steps=[(1, "orange")],
    ),
    Panel(
        "Where the time goes",
        "Mean seconds of a prediction in each phase: waiting for a core, checking the picture, the model, the candidate, bytes to the storage, rows to the database.",
        "s",
        [
            rate_by(
                "phase",
                "ursa_prediction_seconds_sum",
                ', phase!="total"}[$__rate_interval])) / sum by (phase) (rate(ursa_prediction_seconds_count{%, phase!="total"',
            )
        ],
    ),
    Panel(
        "Being worked on",
        "Pictures inside the service now; beyond URSA_INSIDE_LIMIT the next ones are refused with 429.",
        "short",
        [("sum by (instance) (ursa_predictions_inside{%})", "{{instance}}")],
    ),
]
REQUESTS = [
    Panel(
        "Requests by area",
        "All requests each second, by what they were for.",
        "reqps",
        [rate_by("area", "ursa_requests_total")],
    ),
    Panel(
        "Requests by status",
        "All requests each second, by the status of their answer.",
        "reqps",
        [rate_by("status", "ursa_requests_total")],
    ),
    Panel(
        "Problems by code",
        "Requests that were refused or failed each second, by the code they were told.",
        "reqps",
        [rate_by("code", "ursa_problems_total")],
    ),
    Panel(
        "Pictures refused",
        "Pictures that cannot be used, each second, by reason.",
        "reqps",
        [rate_by("reason", "ursa_bad_pictures_total")],
    ),
    Panel(
        "Time of pages and API",
        "95 % of the requests of an area have their answer within.",
        "s",
        [(_quantile(0.95, "ursa_request_seconds", "", "le, area"), "{{area}}")],
    ),
    Panel(
        "Repeated requests",
        "First answers given again to the same Idempotency-Key, each second.",
        "reqps",
        [("sum(rate(ursa_replays_total{%}[$__rate_interval]))", "replayed")],
    ),
]
MODELS = [
    Panel(
        "Who answers",
        "The model version loaded as incumbent and as candidate in each process; 0 is none. Processes that disagree for more than a second do not hear the rollout's events.",
        "none",
        [("max by (role, instance) (ursa_live_model_version{%})", "{{role}} {{instance}}")],
        kind="stat",
    ),
    Panel(
        "Answers by version",
        "Predictions each second by the version that looked; `none` is where no model did.",
        "reqps",
        [(f"sum by (version) (rate({_ANSWERS}[$__rate_interval]))", "version {{version}}")],
    ),
    Panel(
        "Answers by segment",
        "Predictions each second by the segment that the consumer named.",
        "reqps",
        [rate_by("segment", "ursa_segment_answers_total", ', segment=~"$segment"')],
    ),
    Panel(
        "Answers by class",
        "The ten classes given most often, each second.",
        "reqps",
        [(f"topk(10, {_CLASSES})", "{{label}}")],
    ),
    Panel(
        "Model failures",
        "Pictures that a model should have answered and could not, each second; people answer them.",
        "reqps",
        [("sum(rate(ursa_model_failures_total{%}[$__rate_interval]))", "failed")],
        steps=[(0.01, "red")],
    ),
    Panel(
        "Broken or stopped",
        "Models that cannot be loaded, and whether people have stopped all models.",
        "short",
        [
            ("max(ursa_models_broken{%})", "broken"),
            ("max(ursa_models_killed{%})", "stopped by people"),
        ],
        steps=[(1, "red")],
    ),
    Panel(
        "The candidate alongside",
        "What became of asking the candidate: answered, failed, or shed under load.",
        "reqps",
        [rate_by("outcome", "ursa_shadow_answers_total")],
    ),
    Panel(
        "Looks at who answers",
        "Looks of the processes at the rollouts, each second. Where they fail, a revert would not be followed.",
        "reqps",
        [rate_by("outcome", "ursa_live_polls_total")],
    ),
    Panel(
        "Memory",
        "Resident memory of each process.",
        "bytes",
        [("sum by (job, instance) (process_resident_memory_bytes{%})", "{{job}} {{instance}}")],
    ),
]
WORK = [
    Panel(
        "Programs alive",
        "Processes of each program that said within a minute that they are alive.",
        "none",
        [gauge_by("program", "ursa_heartbeat_instances")],
        kind="stat",
    ),
    Panel(
        "Jobs that wait",
        "Jobs that are due and not begun, by kind.",
        "short",
        [gauge_by("kind", "ursa_jobs_waiting")],
    ),
    Panel(
        "Jobs that failed for good",
        "Within 24 hours, by kind.",
        "short",
        [gauge_by("kind", "ursa_jobs_failed_last_day")],
        steps=[(1, "orange")],
    ),
]


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    rows = [("Answers", ANSWERS), ("Requests", REQUESTS), ("Models", MODELS), ("Work behind", WORK)]
    variables = [
        VERSION,
        Variable(
            "segment", "Segment", 'label_values(ursa_segment_answers_total{job=~"$job"}, segment)'
        ),
    ]
    return dashboard("ursa-service", "Ursa: the service", rows, variables)

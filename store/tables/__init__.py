"""Every table of Ursa, one room for each subject. Nothing above `store` imports from here."""

from store.tables.base import Base
from store.tables.days import Day, RetiredPicture
from store.tables.models import Backtest, GoldenLabel, ModelVersion, TrainingRow, TrainingSet
from store.tables.people import (
    ApiKey,
    Consumer,
    Delivery,
    Person,
    PrivilegedAct,
    SignIn,
    Webhook,
)
from store.tables.pictures import DuplicateGroup, StoredBundle, StoredPicture
from store.tables.predictions import (
    AwaitedShadow,
    Feedback,
    IdempotencyKey,
    Prediction,
    ShadowAnswer,
    StoredPolicy,
)
from store.tables.reviews import ClassGuide, Label, Review, ReviewPass, SeenAnswer
from store.tables.rollouts import Decision, Pair, Rollout, RolloutEvent, Switch
from store.tables.watching import (
    Accuracy,
    Alarm,
    Detector,
    NullReplay,
    Report,
    ReportScript,
    Window,
)
from store.tables.work import Heartbeat, Job

__all__ = [
    "Accuracy",
    "Alarm",
    "ApiKey",
    "AwaitedShadow",
    "Backtest",
    "Base",
    "ClassGuide",
    "Consumer",
    "Day",
    "Decision",
    "Delivery",
    "Detector",
    "DuplicateGroup",
    "Feedback",
    "GoldenLabel",
    "Heartbeat",
    "IdempotencyKey",
    "Job",
    "Label",
    "ModelVersion",
    "NullReplay",
    "Pair",
    "Person",
    "Prediction",
    "PrivilegedAct",
    "Report",
    "ReportScript",
    "RetiredPicture",
    "Review",
    "ReviewPass",
    "Rollout",
    "RolloutEvent",
    "SeenAnswer",
    "ShadowAnswer",
    "SignIn",
    "StoredBundle",
    "StoredPicture",
    "StoredPolicy",
    "Switch",
    "TrainingRow",
    "TrainingSet",
    "Webhook",
    "Window",
]

"""Windows by count and by time, for segments, with what pages; and how often each version's rule errs on no drift."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OLD = ["model_version_id", "segment", "last_prediction_id"]
_NEW = ["model_version_id", "segment", "kind", "last_prediction_id"]


def upgrade() -> None:
    with op.batch_alter_table("windows") as windows:
        windows.add_column(
            sa.Column(
                "kind",
                sa.Enum(
                    "count", "time",
                    name="window_kind", native_enum=False, create_constraint=True, length=40,
                ),
                server_default="count",
                nullable=False,
            )
        )  # fmt: skip
        windows.add_column(sa.Column("hour", sa.Integer(), nullable=True))
        windows.add_column(
            sa.Column("pages", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        windows.add_column(sa.Column("accepted_by", sa.String(length=200), nullable=True))
        windows.add_column(sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True))
        windows.drop_constraint(op.f("uq_windows_model_version_id_segment_last_prediction_id"))
        windows.create_unique_constraint(
            op.f("uq_windows_model_version_id_segment_kind_last_prediction_id"), _NEW
        )
    for columns in (["model_version_id", "id"], ["model_version_id", "segment", "id"]):
        name = "_".join(columns)
        op.create_index(op.f(f"ix_predictions_{name}"), "predictions", columns)
    op.create_table(
        "null_replays",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("false_alarms", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_null_replays_model_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_null_replays")),
        sa.UniqueConstraint("model_version_id", name=op.f("uq_null_replays_model_version_id")),
    )


def downgrade() -> None:
    op.drop_table("null_replays")
    for name in ("model_version_id_segment_id", "model_version_id_id"):
        op.drop_index(op.f(f"ix_predictions_{name}"), table_name="predictions")
    # a schema without kinds knows one window for a stretch
    op.execute(
        "DELETE FROM reports WHERE window_id IN (SELECT id FROM windows WHERE kind = 'time')"
    )
    op.execute(
        "UPDATE alarms SET window_id = NULL"
        " WHERE window_id IN (SELECT id FROM windows WHERE kind = 'time')"
    )
    op.execute("DELETE FROM windows WHERE kind = 'time'")
    with op.batch_alter_table("windows") as windows:
        windows.drop_constraint(op.f("uq_windows_model_version_id_segment_kind_last_prediction_id"))
        windows.create_unique_constraint(
            op.f("uq_windows_model_version_id_segment_last_prediction_id"), _OLD
        )
        windows.drop_constraint(op.f("ck_windows_window_kind"), type_="check")
        for name in ("accepted_at", "accepted_by", "pages", "hour", "kind"):
            windows.drop_column(name)

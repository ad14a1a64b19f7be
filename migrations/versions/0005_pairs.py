"""Pairs of two versions' answers in the order in which they were noted; reviews that were drawn to be read twice."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reviews") as reviews:
        reviews.add_column(
            sa.Column("doubled", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_table(
        "pairs",
        sa.Column("rollout_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prediction_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "alike",
                "differ",
                "lost",
                "void",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("votes", sa.Boolean(), nullable=False),
        sa.Column("candidate_label", sa.String(length=200), nullable=True),
        sa.Column("incumbent_label", sa.String(length=200), nullable=True),
        sa.Column("milliseconds", sa.Float(), nullable=True),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_pairs_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "number", name=op.f("pk_pairs")),
        sa.UniqueConstraint(
            "rollout_id", "prediction_id", name=op.f("uq_pairs_rollout_id_prediction_id")
        ),
    )
    op.create_index("ix_pairs_picture", "pairs", ["rollout_id", "picture"])
    op.create_index("ix_pairs_source", "pairs", ["rollout_id", "source", "at"])


def downgrade() -> None:
    op.drop_table("pairs")
    with op.batch_alter_table("reviews") as reviews:
        reviews.drop_column("doubled")

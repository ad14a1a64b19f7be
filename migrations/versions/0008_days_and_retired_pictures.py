"""What stays when rows go by their age: a day's counts, and pictures whose bytes are on their way out."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("segment", sa.String(length=200), nullable=False),
        sa.Column("predictions", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Integer(), nullable=False),
        sa.Column("audited", sa.Integer(), nullable=False),
        sa.Column("by_class", sa.JSON(), nullable=False),
        sa.Column("by_decision", sa.JSON(), nullable=False),
        sa.Column("confidence_sum", sa.Float(), nullable=False),
        sa.Column("confidence_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "model_version_id", "segment", name=op.f("pk_days")),
    )
    op.create_table(
        "retired_pictures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_retired_pictures")),
    )
    op.create_index("ix_retired_pictures_moved_at", "retired_pictures", ["moved_at"])


def downgrade() -> None:
    op.drop_index("ix_retired_pictures_moved_at", table_name="retired_pictures")
    op.drop_table("retired_pictures")
    op.drop_table("days")

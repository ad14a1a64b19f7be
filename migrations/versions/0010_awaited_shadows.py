"""Versions that were asked about a picture and have not answered."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "awaited_shadows",
        sa.Column("prediction_id", sa.String(length=36), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_awaited_shadows_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_awaited_shadows_prediction_id")
        ),
        sa.PrimaryKeyConstraint(
            "prediction_id", "model_version_id", name=op.f("pk_awaited_shadows")
        ),
    )


def downgrade() -> None:
    op.drop_table("awaited_shadows")

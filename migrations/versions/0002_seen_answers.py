"""Who saw what was answered to a picture: what they say of it later is not blind."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen_answers",
        sa.Column("picture_digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_seen_answers_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["picture_digest"], ["pictures.digest"], name=op.f("fk_seen_answers_picture_digest")
        ),
        sa.PrimaryKeyConstraint("picture_digest", "person_id", name=op.f("pk_seen_answers")),
    )


def downgrade() -> None:
    op.drop_table("seen_answers")

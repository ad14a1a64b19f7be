"""Webhooks of operators beside those of consumers, and the outbox: what is to be delivered, once for each cause."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.alter_column("consumer_id", existing_type=sa.String(length=36), nullable=True)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_deliveries_webhook_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("webhook_id", "cause", name=op.f("uq_deliveries_webhook_id_cause")),
    )
    op.create_index(
        "ix_deliveries_waiting", "deliveries", ["delivered_at", "given_up_at", "created_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_waiting", table_name="deliveries")
    op.drop_table("deliveries")
    # what operators had set up has no consumer, and no place in the older schema
    op.execute("DELETE FROM webhooks WHERE consumer_id IS NULL")
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.alter_column("consumer_id", existing_type=sa.String(length=36), nullable=False)

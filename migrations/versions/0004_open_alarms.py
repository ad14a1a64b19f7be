"""One open alarm for each kind, stream and version; who acknowledged it and why, how often it was raised."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NEW = (
    ("last_raised_at", sa.DateTime(timezone=True)),
    ("explained_at", sa.DateTime(timezone=True)),
    ("acknowledged_at", sa.DateTime(timezone=True)),
    ("acknowledged_why", sa.Text()),
    ("cleared_by", sa.String(length=200)),
    ("open_as", sa.String(length=64)),
)


def upgrade() -> None:
    with op.batch_alter_table("alarms") as alarms:
        alarms.add_column(
            sa.Column("pages", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        alarms.add_column(sa.Column("times", sa.Integer(), server_default="1", nullable=False))
        for name, kind in _NEW:
            alarms.add_column(sa.Column(name, kind, nullable=True))
        alarms.create_unique_constraint(op.f("uq_alarms_open_as"), ["open_as"])


def downgrade() -> None:
    with op.batch_alter_table("alarms") as alarms:
        alarms.drop_constraint(op.f("uq_alarms_open_as"), type_="unique")
        for name, _ in reversed(_NEW):
            alarms.drop_column(name)
        alarms.drop_column("times")
        alarms.drop_column("pages")

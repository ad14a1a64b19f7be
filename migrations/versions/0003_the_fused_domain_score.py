"""The domain score that flags, and its p-value, in each prediction: windows and run lengths are counted on them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("domain_score", "domain_p"):
        op.add_column("predictions", sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    for name in ("domain_p", "domain_score"):
        op.drop_column("predictions", name)

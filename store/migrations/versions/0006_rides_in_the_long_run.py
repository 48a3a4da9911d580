"""A surge may be ten or more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column('rides', 'surge', existing_type=sa.Numeric(3, 2), type_=sa.Numeric(4, 2), existing_nullable=False)


def downgrade() -> None:
    op.alter_column('rides', 'surge', existing_type=sa.Numeric(4, 2), type_=sa.Numeric(3, 2), existing_nullable=False)

"""A surge may be ten or more, and the rides that have just ended are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column('rides', 'surge', existing_type=sa.Numeric(3, 2), type_=sa.Numeric(4, 2), existing_nullable=False)
    op.create_index('rides_finished_at_idx', 'rides', ['finished_at'],
                    postgresql_where=sa.text('finished_at IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('rides_finished_at_idx', table_name='rides')
    op.alter_column('rides', 'surge', existing_type=sa.Numeric(4, 2), type_=sa.Numeric(3, 2), existing_nullable=False)

"""For each statement about jobs one index fits: that of the owners is of no use to whoever asks for an id alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('jobs_owner_idx', table_name='jobs')
    op.create_index('jobs_owner_idx', 'jobs', ['owner', 'id'], postgresql_where=sa.text('owner IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('jobs_owner_idx', table_name='jobs')
    op.create_index('jobs_owner_idx', 'jobs', ['owner', 'id'])

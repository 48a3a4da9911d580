"""Find the jobs that lost more than one worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('jobs_suspects_idx', 'jobs', ['queue', 'id'], unique=False, postgresql_where=sa.text("crashes >= 2 AND finished_at IS NULL"))


def downgrade() -> None:
    op.drop_index('jobs_suspects_idx', table_name='jobs', postgresql_where=sa.text("crashes >= 2 AND finished_at IS NULL"))

"""What owners watched, when, and how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('viewings',
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('title_id', sa.TEXT(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.CheckConstraint('times > 0', name=op.f('viewings_times_check')),
    sa.CheckConstraint('first_at <= last_at', name=op.f('viewings_order_check')),
    sa.PrimaryKeyConstraint('owner', 'title_id', name=op.f('viewings_pkey'))
    )
    op.create_index('viewings_newest_idx', 'viewings', ['owner', sa.text('last_at DESC'), 'title_id'], unique=False)


def downgrade() -> None:
    op.drop_table('viewings')

"""Note each life of the broker together with what is queued again for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('broker_lives',
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('noted_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('broker_lives_pkey'))
    )


def downgrade() -> None:
    op.drop_table('broker_lives')

"""What POPs are to hold of the videos, how often that was said to help, and how often it did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('placements',
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('video_id', sa.UUID(), nullable=False),
    sa.Column('rendition', sa.TEXT(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('copy', sa.SmallInteger(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['pop'], ['pops.name'], name=op.f('placements_pop_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('placements_video_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pop', 'video_id', 'rendition', name=op.f('placements_pkey'))
    )
    op.create_index('placements_video_id_idx', 'placements', ['video_id'])
    op.create_table('placement_plans',
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('requested_by', sa.TEXT(), nullable=False),
    sa.Column('renditions', sa.Integer(), nullable=False),
    sa.Column('used_bytes', sa.BigInteger(), nullable=False),
    sa.Column('predicted_hit_ratio', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['pop'], ['pops.name'], name=op.f('placement_plans_pop_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pop', 'made_at', name=op.f('placement_plans_pkey'))
    )
    op.create_table('playback_outcomes',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('region', sa.TEXT(), nullable=False),
    sa.Column('outcome', sa.TEXT(), nullable=False),
    sa.Column('slot', sa.SmallInteger(), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("outcome IN ('hit', 'not_placed', 'not_filled', 'pop_down')", name=op.f('playback_outcomes_outcome_check')),
    sa.PrimaryKeyConstraint('day', 'pop', 'region', 'outcome', 'slot', name=op.f('playback_outcomes_pkey'))
    )
    op.create_index('edge_objects_video_idx', 'edge_objects', ['video', 'pop', 'rendition', 'state'], postgresql_where=sa.text('video IS NOT NULL'))
    op.create_index('edge_objects_others_idx', 'edge_objects', ['pop', 'path'], postgresql_where=sa.text('video IS NULL'))
    # The file for players without HLS is a second copy of SD, and is not placed any more.
    op.execute("DELETE FROM edge_objects WHERE video IS NOT NULL AND path LIKE '%/sd.mp4'")


def downgrade() -> None:
    op.drop_index('edge_objects_others_idx', table_name='edge_objects', postgresql_where=sa.text('video IS NULL'))
    op.drop_index('edge_objects_video_idx', table_name='edge_objects', postgresql_where=sa.text('video IS NOT NULL'))
    op.drop_table('playback_outcomes')
    op.drop_table('placement_plans')
    op.drop_index('placements_video_id_idx', table_name='placements')
    op.drop_table('placements')

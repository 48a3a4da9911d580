"""Points of presence, what they should hold and counted, and the refreshes of their caches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0008'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('cache_refreshes',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('requested_by', sa.TEXT(), nullable=False),
    sa.Column('reason', sa.TEXT(), nullable=False),
    sa.Column('mode', sa.TEXT(), nullable=False),
    sa.Column('selection', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('is_now', sa.Boolean(), nullable=False),
    sa.Column('job_id', sa.UUID(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("mode IN ('soft', 'hard', 'fill')", name=op.f('cache_refreshes_mode_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('cache_refreshes_pkey'))
    )
    op.create_index('cache_refreshes_job_id_key', 'cache_refreshes', ['job_id'], unique=True)
    op.create_table('pops',
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('region', sa.TEXT(), nullable=False),
    sa.Column('url', sa.TEXT(), nullable=False),
    sa.Column('control_url', sa.TEXT(), nullable=False),
    sa.Column('driver', sa.TEXT(), nullable=False),
    sa.Column('capacity_bytes', sa.BigInteger(), nullable=False),
    sa.Column('window_start', sa.Time(), nullable=True),
    sa.Column('window_end', sa.Time(), nullable=True),
    sa.Column('timezone', sa.TEXT(), server_default=sa.text("'UTC'"), nullable=False),
    sa.Column('max_bytes_per_s', sa.BigInteger(), nullable=True),
    sa.Column('is_enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('free_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.TEXT(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("driver IN ('varnish', 'nginx', 'embedded')", name=op.f('pops_driver_check')),
    sa.CheckConstraint('(window_start IS NULL) = (window_end IS NULL)', name=op.f('pops_window_check')),
    sa.CheckConstraint('capacity_bytes > 0', name=op.f('pops_capacity_check')),
    sa.CheckConstraint('max_bytes_per_s > 0', name=op.f('pops_rate_check')),
    sa.PrimaryKeyConstraint('name', name=op.f('pops_pkey'))
    )
    op.create_table('cache_refresh_targets',
    sa.Column('refresh_id', sa.UUID(), nullable=False),
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('state', sa.TEXT(), server_default=sa.text("'queued'"), nullable=False),
    sa.Column('job_id', sa.UUID(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('removed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('filled', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('verified', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('bytes', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.TEXT(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('purged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('done', 'failed')) = (finished_at IS NOT NULL)", name=op.f('cache_refresh_targets_finished_check')),
    sa.CheckConstraint("state IN ('queued', 'running', 'done', 'deferred', 'failed')", name=op.f('cache_refresh_targets_state_check')),
    sa.ForeignKeyConstraint(['refresh_id'], ['cache_refreshes.id'], name=op.f('cache_refresh_targets_refresh_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('refresh_id', 'pop', name=op.f('cache_refresh_targets_pkey'))
    )
    op.create_index('cache_refresh_targets_open_idx', 'cache_refresh_targets', ['pop', 'refresh_id'], unique=False, postgresql_where=sa.text("state IN ('queued', 'running', 'deferred')"))
    op.create_table('edge_objects',
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('path', sa.TEXT(), nullable=False),
    sa.Column('wanted_etag', sa.TEXT(), nullable=True),
    sa.Column('set_name', sa.TEXT(), nullable=True),
    sa.Column('video', sa.TEXT(), nullable=True),
    sa.Column('rendition', sa.TEXT(), nullable=True),
    sa.Column('state', sa.TEXT(), server_default=sa.text("'wanted'"), nullable=False),
    sa.Column('failures', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.TEXT(), nullable=True),
    sa.Column('etag', sa.TEXT(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("(state = 'verified') <= (verified_at IS NOT NULL)", name=op.f('edge_objects_verified_check')),
    sa.CheckConstraint("state IN ('wanted', 'filled', 'verified', 'failed')", name=op.f('edge_objects_state_check')),
    sa.ForeignKeyConstraint(['pop'], ['pops.name'], name=op.f('edge_objects_pop_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pop', 'path', name=op.f('edge_objects_pkey'))
    )
    op.create_index('edge_objects_missing_idx', 'edge_objects', ['pop', 'path'], unique=False, postgresql_where=sa.text("state IN ('wanted', 'filled')"))
    op.create_table('pop_stats',
    sa.Column('pop', sa.TEXT(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('hits', sa.BigInteger(), nullable=False),
    sa.Column('misses', sa.BigInteger(), nullable=False),
    sa.Column('sent_bytes', sa.BigInteger(), nullable=False),
    sa.Column('objects', sa.BigInteger(), nullable=False),
    sa.Column('stored_bytes', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['pop'], ['pops.name'], name=op.f('pop_stats_pop_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pop', 'at', name=op.f('pop_stats_pkey'))
    )


def downgrade() -> None:
    op.drop_table('pop_stats')
    op.drop_index('edge_objects_missing_idx', table_name='edge_objects', postgresql_where=sa.text("state IN ('wanted', 'filled')"))
    op.drop_table('edge_objects')
    op.drop_index('cache_refresh_targets_open_idx', table_name='cache_refresh_targets', postgresql_where=sa.text("state IN ('queued', 'running', 'deferred')"))
    op.drop_table('cache_refresh_targets')
    op.drop_table('pops')
    op.drop_index('cache_refreshes_job_id_key', table_name='cache_refreshes')
    op.drop_table('cache_refreshes')

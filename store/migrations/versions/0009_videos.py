"""Videos: uploads and their parts, what is served, and views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('videos',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('title_id', sa.TEXT(), nullable=False),
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('content_type', sa.TEXT(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.TEXT(), nullable=True),
    sa.Column('uploaded_bytes', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('state', sa.TEXT(), server_default=sa.text("'uploading'"), nullable=False),
    sa.Column('job_id', sa.UUID(), nullable=True),
    sa.Column('revision', sa.TEXT(), nullable=True),
    sa.Column('duration_s', sa.Double(), nullable=True),
    sa.Column('error', sa.TEXT(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('uploading', 'uploaded', 'ready', 'removed', 'abandoned')", name=op.f('videos_state_check')),
    sa.CheckConstraint('uploaded_bytes BETWEEN 0 AND size_bytes', name=op.f('videos_uploaded_check')),
    sa.CheckConstraint("(state = 'ready') = (revision IS NOT NULL)", name=op.f('videos_revision_check')),
    sa.CheckConstraint("state IN ('uploading', 'abandoned', 'removed') OR uploaded_bytes = size_bytes", name=op.f('videos_whole_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('videos_pkey'))
    )
    op.create_index('videos_title_id_idx', 'videos', ['title_id', 'published_at'], unique=False, postgresql_where=sa.text("state = 'ready'"))
    op.create_table('video_parts',
    sa.Column('video_id', sa.UUID(), nullable=False),
    sa.Column('start', sa.BigInteger(), nullable=False),
    sa.Column('size_bytes', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.TEXT(), nullable=False),
    sa.Column('path', sa.TEXT(), nullable=False),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('video_parts_video_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('video_id', 'start', name=op.f('video_parts_pkey'))
    )
    op.create_table('video_renditions',
    sa.Column('video_id', sa.UUID(), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('video_bps', sa.Integer(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('files', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('video_renditions_video_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('video_id', 'name', name=op.f('video_renditions_pkey'))
    )
    op.create_table('video_views',
    sa.Column('video_id', sa.UUID(), nullable=False),
    sa.Column('rendition', sa.TEXT(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('region', sa.TEXT(), nullable=False),
    sa.Column('views', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('video_views_video_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('video_id', 'rendition', 'day', 'region', name=op.f('video_views_pkey'))
    )
    op.create_index('video_views_day_idx', 'video_views', ['day'], unique=False)


def downgrade() -> None:
    op.drop_table('video_views')
    op.drop_table('video_renditions')
    op.drop_table('video_parts')
    op.drop_table('videos')

//! Rate-limit headers, in every dialect we know, read into a [`Snapshot`](crate::snapshot::Snapshot).

//! The points of the owner's work at which a test may stop it, make it fail, or end it. Outside tests they are nothing.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Point {
    /// Requests were taken from the queue, none is served yet.
    BatchTaken,
    /// A fill has read its row and not yet cached it.
    Loaded,
    BeforeCommit,
    /// On the disk, and nobody knows.
    Committed,
    Cached,
    /// Events are sent, callers still wait.
    Told,
    Replied,
}

#[cfg(not(test))]
pub(crate) use off::Hooks;
#[cfg(test)]
pub(crate) use on::Hooks;

#[cfg(not(test))]
mod off {
    use super::Point;

    #[derive(Debug, Clone, Default)]
    pub(crate) struct Hooks;

    impl Hooks {
        #[expect(clippy::unused_self, reason = "the form that tests use has a self")]
        pub(crate) fn at(&self, _: Point) {}

        #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the form that tests use has both")]
        pub(crate) fn fallible_at(&self, _: Point) -> rusqlite::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod on {
    use std::fmt;
    use std::sync::Arc;

    use super::Point;

    type Hook = dyn Fn(Point) -> rusqlite::Result<()> + Send + Sync;

    #[derive(Clone, Default)]
    pub(crate) struct Hooks(Option<Arc<Hook>>);

    impl Hooks {
        pub(crate) fn new(hook: impl Fn(Point) -> rusqlite::Result<()> + Send + Sync + 'static) -> Self {
            Self(Some(Arc::new(hook)))
        }

        pub(crate) fn at(&self, point: Point) {
            assert!(self.fallible_at(point).is_ok(), "no failure can be injected at {point:?}");
        }

        pub(crate) fn fallible_at(&self, point: Point) -> rusqlite::Result<()> {
            self.0.as_ref().map_or(Ok(()), |hook| hook(point))
        }
    }

    impl fmt::Debug for Hooks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Hooks")
        }
    }
}

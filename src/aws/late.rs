//! Clients that are built when they are first used.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A client that is built by the first use of any of its copies. Building one reads AWS's list of its regions, which is half
/// a million instructions of a cold start; many invocations need only one or two of those that a function may need.
#[derive(Clone)]
pub struct Late<C>(Arc<LazyLock<C, Build<C>>>);

type Build<C> = Box<dyn FnOnce() -> C + Send>;

impl<C> Late<C> {
    /// What `build` makes, once it is needed.
    pub fn new(build: impl FnOnce() -> C + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(build))))
    }

    /// Builds it now, for whoever needs it at once and has more time before that.
    #[must_use]
    pub fn ready(self) -> Self {
        LazyLock::force(&self.0);
        self
    }
}

impl<C: Send + 'static> From<C> for Late<C> {
    fn from(client: C) -> Self {
        Self::new(|| client)
    }
}

impl<C> Deref for Late<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> fmt::Debug for Late<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn it_is_built_by_its_first_use_and_only_then() {
        let built = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&built);
        let late = Late::new(move || count.fetch_add(1, Ordering::Relaxed));
        let copy = late.clone();
        assert_eq!(built.load(Ordering::Relaxed), 0);
        assert_eq!((*late, *copy, *copy.clone().ready()), (0, 0, 0));
        assert_eq!(built.load(Ordering::Relaxed), 1);
    }
}

//! The course of events: steps in the order of time.

use std::collections::BTreeMap;
use std::fmt;

use super::kinds::{Obj, Ty};
use super::rng::{Rng, tag};
use super::tenant::{Actor, Tenant};

/// Something that happens at a time.
pub(super) type Step = Box<dyn FnOnce(&mut Sim, i64)>;

/// The tenant, and what is still to happen.
pub(super) struct Sim {
    pub(super) tenant: Tenant,
    pub(super) rng: Rng,
    queue: BTreeMap<(i64, u64), Step>,
    number: u64,
    /// No step happens at or after this time.
    pub(super) end: i64,
    /// Numbers for things that are made on the way.
    made: u32,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Sim {
    /// Nothing has happened yet.
    pub(super) fn new(tenant: Tenant, end: i64) -> Self {
        let rng = Rng::new(tenant.seed, &[tag("events")]);
        Self { tenant, rng, queue: BTreeMap::new(), number: 0, end, made: 100_000 }
    }

    /// Lets something happen at a time.
    pub(super) fn later(&mut self, at: i64, step: impl FnOnce(&mut Self, i64) + 'static) {
        self.number += 1;
        self.queue.insert((at, self.number), Box::new(step));
    }

    /// Lets everything happen.
    pub(super) fn run(&mut self) {
        while let Some(((at, _), step)) = self.queue.pop_first() {
            if at < self.end {
                step(self, at);
            }
        }
    }

    /// A number that no other thing has.
    pub(super) fn fresh(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    /// A live object of a type.
    pub(super) fn any(&mut self, ty: Ty, at: i64) -> Option<Obj> {
        let count = self.tenant.count(ty);
        (0..12).find_map(|_| {
            let ix = u32::try_from(self.rng.below(u64::from(count))).ok()?;
            let obj = Obj { ty, ix };
            (ix < count && self.tenant.is_live(obj, at)).then_some(obj)
        })
    }

    /// A live user who is neither administrator nor manager.
    pub(super) fn anybody(&mut self, at: i64) -> Option<Obj> {
        let protected = (self.tenant.first_users / 10).max(12);
        (0..12).find_map(|_| self.any(Ty::User, at).filter(|user| user.ix >= protected))
    }

    /// An administrator.
    pub(super) fn admin(&mut self) -> Actor {
        Actor::User(1 + u32::try_from(self.rng.below(6)).unwrap_or(0))
    }
}

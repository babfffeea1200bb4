//! What functions are called by the host: the catalog of the zygote that is, and whether it still
//! tells the truth.

use super::catalog::{Catalog, Name};
use crate::{
    pool::{
        abi::Function,
        status::{self, Error, Result},
    },
    support::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, fence, lock},
    sys::modules,
};

/// Bits of a packed name that hold the offset.
const OFFSET: u32 = 48;

/// See the module.
pub struct Names {
    state: Mutex<State>,
    last: Last,
}

/// The last function that was found, for who asks for the same again without the lock: a sequence
/// lock, whose writers hold the state's.
#[derive(Default)]
struct Last {
    /// Odd while the rest is being changed.
    version: AtomicU64,
    /// 0 for none.
    address: AtomicUsize,
    /// Its name, packed.
    name: AtomicU64,
    /// `changes` at that time.
    seen: AtomicU64,
}

impl Last {
    fn change(&self, change: impl FnOnce(&Self)) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.address.store(0, Ordering::Relaxed);
        change(self);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    fn recall(&self, address: usize) -> Option<(Name, u64)> {
        let version = self.version.load(Ordering::Acquire);
        let found = self.address.load(Ordering::Relaxed) == address;
        let (name, seen) = (self.name.load(Ordering::Relaxed), self.seen.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        if !found || version % 2 == 1 || self.version.load(Ordering::Relaxed) != version {
            return None;
        }
        let offset = name & ((1 << OFFSET) - 1);
        Some((Name { module: (name >> OFFSET) as u32, offset }, seen))
    }
}

struct State {
    catalog: Arc<Catalog>,
    /// `changes` when the catalog was last compared with what is loaded.
    seen: u64,
}

/// Differs after anything was loaded or unloaded.
fn changes() -> u64 {
    let (loads, unloads) = modules::changes();
    loads.wrapping_mul(1 << 32) ^ unloads
}

impl Names {
    /// Of what is loaded now.
    pub fn new() -> Self {
        let state = State { seen: changes(), catalog: Arc::new(Catalog::default().renewed()) };
        Self { state: Mutex::new(state), last: Last::default() }
    }

    /// A catalog for a new zygote; to be installed once that is there.
    pub fn renewed(&self) -> Arc<Catalog> {
        Arc::new(lock(&self.state).catalog.renewed())
    }

    /// The catalog of a zygote is the host's own from now on.
    pub fn install(&self, catalog: Arc<Catalog>) {
        let mut state = lock(&self.state);
        state.catalog = catalog;
        // Whatever was loaded since the fork is found out at the next look.
        state.seen = state.seen.wrapping_sub(1);
        self.last.change(|_| ());
    }

    /// Under the lock of the state.
    fn remember(&self, address: usize, name: Name, seen: u64) {
        if name.offset >> OFFSET == 0 && u64::from(name.module) >> (64 - OFFSET) == 0 {
            let packed = u64::from(name.module) << OFFSET | name.offset;
            self.last.change(|last| {
                last.address.store(address, Ordering::Relaxed);
                last.name.store(packed, Ordering::Relaxed);
                last.seen.store(seen, Ordering::Relaxed);
            });
        }
    }

    /// What the workers call a function that `name` has found before.
    pub fn found(&self, function: Function) -> Option<Name> {
        let address = function as usize;
        self.last
            .recall(address)
            .map(|(name, _)| name)
            .or_else(|| lock(&self.state).catalog.name(address))
    }

    /// What the workers call a function.
    ///
    /// # Errors
    /// `UNKNOWN_FUNCTION`.
    pub fn name(&self, function: Function) -> Result<Name> {
        let address = function as usize;
        let now = changes();
        if let Some((name, seen)) = self.last.recall(address)
            && seen == now
        {
            return Ok(name);
        }
        let mut state = lock(&self.state);
        if state.seen != now {
            // Something was loaded or unloaded: what is gone must not be taken for what has
            // come to its address. The workers still have it, but the host means something else.
            state.catalog = Arc::new(state.catalog.without_what_has_gone(&modules::modules()));
            state.seen = now;
        }
        let name = state.catalog.name(address).ok_or_else(|| {
            Error::new(
                status::UNKNOWN_FUNCTION,
                "the workers do not know fn: its library was loaded after the pool was made \
                 (pool_refresh() makes it known), or it is in none (see pool_register_function())",
            )
        })?;
        self.remember(address, name, state.seen);
        Ok(name)
    }
}

#![allow(unsafe_code)]
//! Which functions the workers know, and by what name.
//!
//! A function crosses as a module and an offset in it. Workers have what the host had loaded when
//! their zygote was forked, at the same addresses. The catalog only grows: a later zygote's knows
//! all that an earlier one's knew, by the same numbers; a module that has gone has no code left.

use crate::{
    pool::{
        abi::Function,
        functions,
        status::{self, Error, Result},
    },
    support::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, fence, lock},
    sys::modules::{self, Module},
};

/// Bits of a packed name that hold the offset.
const OFFSET: u32 = 48;

/// A function's name for the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The module's number; 0 stands for the registered functions.
    pub module: u32,
    /// The offset from where it was loaded.
    pub offset: u64,
}

/// What one zygote's workers know: fixed when it is forked.
#[derive(Clone, Default)]
pub struct Catalog {
    modules: Vec<Module>,
    registered: Vec<usize>,
}

impl Catalog {
    /// This one, and what is loaded now besides.
    fn renewed(&self) -> Self {
        let now = modules::modules();
        let mut modules = self.modules.clone();
        for old in &mut modules {
            if !now.contains(old) {
                old.code.clear();
            }
        }
        modules.extend(now.into_iter().filter(|module| !self.modules.contains(module)));
        Self { modules, registered: functions::registered().collect() }
    }

    fn name(&self, address: usize) -> Option<Name> {
        if self.registered.contains(&address) {
            return Some(Name { module: 0, offset: address as u64 });
        }
        let is_code = |module: &Module| module.code.iter().any(|code| code.contains(&address));
        let index = self.modules.iter().position(is_code)?;
        let offset = address.wrapping_sub(self.modules[index].base) as u64;
        Some(Name { module: index as u32 + 1, offset })
    }

    /// In a worker: the function of that name.
    pub fn function(&self, name: Name) -> Option<Function> {
        let address = if name.module == 0 {
            let address = name.offset as usize;
            self.registered.contains(&address).then_some(address)?
        } else {
            let module = self.modules.get(name.module as usize - 1)?;
            let address = module.base.wrapping_add(name.offset as usize);
            module.code.iter().any(|code| code.contains(&address)).then_some(address)?
        };
        // SAFETY: the host was given this address as a function's; here is the same code.
        Some(unsafe { std::mem::transmute::<usize, Function>(address) })
    }

    /// Whether a name may be one of a later catalog.
    pub fn is_older_than(&self, name: Name) -> bool {
        name.module as usize > self.modules.len()
    }
}

/// The host's side: the catalog of the zygote that is, and whether it still tells the truth.
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
            let loaded = modules::modules();
            let mut catalog = Catalog::clone(&state.catalog);
            for module in &mut catalog.modules {
                if !loaded.contains(module) {
                    module.code.clear();
                }
            }
            state.catalog = Arc::new(catalog);
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

#![allow(unsafe_code)]
//! Which functions the workers of one zygote know.
//!
//! A function crosses as a module and an offset in it. Workers have what the host had loaded when
//! their zygote was forked, at the same addresses. The catalog only grows: a later zygote's knows
//! all that an earlier one's knew, by the same numbers; a module that has gone has no code left.

use crate::{
    pool::{abi::Function, functions},
    sys::modules::{self, Module},
};

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
    pub fn renewed(&self) -> Self {
        let now = modules::modules();
        let mut modules = self.without_what_has_gone(&now).modules;
        modules.extend(now.into_iter().filter(|module| !self.modules.contains(module)));
        Self { modules, registered: functions::registered().collect() }
    }

    /// This one; modules that are not among those loaded now have no code in it.
    pub fn without_what_has_gone(&self, loaded: &[Module]) -> Self {
        let mut catalog = self.clone();
        for module in &mut catalog.modules {
            if !loaded.contains(module) {
                module.code.clear();
            }
        }
        catalog
    }

    /// The name of the function at an address, if it is in any module or registered.
    pub fn name(&self, address: usize) -> Option<Name> {
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

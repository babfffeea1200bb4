#![allow(unsafe_code)]
//! What a map is to run, and over what.

use super::{
    bodies::{Body, Bounds},
    group::Membership,
    priority::Level,
    status::Status,
    terms::Terms,
};
use std::{ffi::c_void, fmt};

/// What to run, over what: checked, and borrowed from the caller until the map has ended.
#[derive(Clone, Copy)]
pub struct MapCall {
    /// The function.
    pub body: Body,
    /// The number of the first item.
    pub first: usize,
    /// The first argument.
    pub args: *const c_void,
    /// The distance between arguments; 0: each item gets `args` itself.
    pub arg_size: usize,
    /// The first result's place.
    pub results: *mut c_void,
    /// The distance between results, and the size of each.
    pub result_size: usize,
    /// How many items.
    pub count: usize,
    /// What items see as their context.
    pub context: *const c_void,
    /// Where each item's status goes; null: the first failure ends the map.
    pub statuses: *mut Status,
    /// The groups that it is in; alive during the call.
    pub membership: Membership,
    /// How urgent it is, and so on; `None`: as usual.
    pub terms: Option<Terms>,
}

impl MapCall {
    /// How urgent it is.
    pub fn level(&self) -> Level {
        self.terms.map_or(Level::Normal, |terms| terms.level)
    }

    /// An item, in words.
    pub fn name(&self, index: usize) -> ItemName {
        let (before, number, behind) = match self.body {
            Body::Item(_) | Body::Swept(_) | Body::Star(_) => ("item ", index, ""),
            Body::Range(_) => ("the range from ", self.first + index, " on"),
            Body::Piece(_) => {
                // SAFETY: the array holds `count` bounds.
                let [begin, _] = unsafe { self.args.cast::<Bounds>().add(index).read_unaligned() };
                ("the range from ", begin, " on")
            }
        };
        ItemName { before, number, behind }
    }
}

/// What a sentence calls an item.
pub struct ItemName {
    before: &'static str,
    number: usize,
    behind: &'static str,
}

impl fmt::Display for ItemName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}{}", self.before, self.number, self.behind)
    }
}

//! The tables, for the shared code to decide from.

#[cfg(not(feature = "arrays"))]
mod arena;
#[cfg(feature = "arrays")]
mod arrays;

#[cfg(not(feature = "arrays"))]
pub(crate) use arena::Maps;
#[cfg(feature = "arrays")]
pub(crate) use arrays::Maps;

//! Where journals are kept: the port, and what stands behind it.

mod port;

pub use port::{
    Change, Claimed, Entry, Epoch, Filter, Head, Kept, Lines, Store, StoreError, StoreErrorKind, Term,
    Verdict,
};
